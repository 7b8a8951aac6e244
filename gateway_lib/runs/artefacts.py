"""The files of a run folder: their hashes, and the last look for secrets in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gateway_lib.runs.manifest import MANIFEST, Artefact
from gateway_lib.runs.provenance import file_sha256
from gateway_lib.runs.redaction import Redactor


def files(folder: Path) -> Iterator[Path]:
    """Files of a run but for its manifest, in order."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and path.name != MANIFEST and not hidden:
            yield path


def collect(folder: Path, alts: Mapping[str, str]) -> tuple[Artefact, ...]:
    """Every file of the run with hash and size; figures last, in the order they were made.

    Args:
        folder: The run folder.
        alts: By file name, what a figure shows.
    """
    made = list(alts)
    ordered = sorted(files(folder), key=lambda p: made.index(p.name) + 1 if p.name in made else 0)
    return tuple(
        Artefact(
            path=path.relative_to(folder).as_posix(),
            sha256=file_sha256(path),
            bytes=path.stat().st_size,
            alt=alts.get(path.name),
        )
        for path in ordered
    )


def remove_secrets(folder: Path, redactor: Redactor) -> list[str]:
    """Remove every file that holds a secret; the paths of those removed."""
    removed: list[str] = []
    for path in files(folder):
        if redactor.holds(path.read_bytes()) or _columns_hold(path, redactor):
            path.unlink()
            removed.append(path.relative_to(folder).as_posix())
    return removed


def _columns_hold(path: Path, redactor: Redactor) -> bool:
    """Whether a Parquet file, whose pages are compressed, holds a secret once read."""
    if path.suffix != ".parquet":
        return False
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError):
        return True  # what cannot be read cannot be vouched for
    texts = (str(value) for column in table.columns for value in column.unique().to_pylist())
    return redactor.holds(str(table.schema)) or any(map(redactor.holds, texts))
