"""Outcomes of a known truth as a run keeps them: with every column, saying which experiment they are of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gateway_lib.experiments import outcomes as tables
from gateway_lib.experiments.file import Experiment
from gateway_lib.runs.manifest import Manifest
from gateway_lib.runs.provenance import machine

from .outcomes import experiment, outcomes

GUARDRAILS: list[dict[str, Any]] = [
    {"metric": "correct", "margin": 0.05, "stops": True},
    {"metric": "latency", "margin": 0.1, "relative": True},
    {"metric": "errors", "margin": 0.02},
]


def told(per_arm: int = 400, seed: int = 3, **changed: Any) -> tuple[pd.DataFrame, Experiment]:
    """Outcomes and their experiment."""
    said = experiment(**{"guardrails": GUARDRAILS, **changed})
    frame = outcomes(per_arm, seed=seed, arms=tuple(arm.name for arm in said.routing.arms))
    rows = np.arange(len(frame))
    frame["interface"] = pd.Categorical.from_codes(rows % 2, ["openai", "bedrock"])
    frame["streamed"] = rows % 3 == 0
    frame["team"] = pd.Categorical([None] * len(frame), ["red"])
    frame["served_model"] = frame["arm"].astype(str).astype("category")
    return tables.of(frame, said, 1), said


def run_folder(runs_dir: Path, frame: pd.DataFrame, number: int = 1) -> Path:
    """A run's folder that holds them."""
    moment = datetime(2026, 3, 9, 12, tzinfo=UTC) + timedelta(minutes=number)
    name = f"{moment:%Y%m%dT%H%M%SZ}-03_ab_experiment-{number:06x}"
    folder = runs_dir / name
    folder.mkdir(parents=True)
    facts = {"status": "succeeded", "notebook": "03_ab_experiment", "pid": 1, "machine": machine()}
    Manifest(**facts, id=name, started=moment).write(folder)
    frame.to_parquet(folder / "records.parquet")
    return folder
