"""Run folders with the records of a benchmark, as a notebook leaves them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from gateway_lib.benchmark.records import table as records
from gateway_lib.runs.manifest import Manifest
from gateway_lib.runs.provenance import machine
from gateway_lib.runs.registry import Entry


def run_folder(
    runs_dir: Path, frame: pd.DataFrame | None, number: int = 1, **facts: object
) -> Entry:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(minutes=number)
    name = f"{moment:%Y%m%dT%H%M%SZ}-05_benchmark-{number:06x}"
    folder = runs_dir / name
    folder.mkdir(parents=True)
    known = {"status": "succeeded", "notebook": "05_benchmark", "pid": 1, "machine": machine()}
    manifest = Manifest(**{**known, "id": name, "started": moment, **facts})
    manifest.write(folder)
    if frame is not None:
        records.write(frame, folder / "records.parquet")
    return Entry(folder, manifest)
