"""What a run was: the manifest every run folder holds.

Facts that could not be had are null, never guessed.
"""

from __future__ import annotations

import json
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import psutil
from pydantic import BaseModel, ConfigDict

Status = Literal["running", "succeeded", "failed", "interrupted", "interactive"]
Number = bool | int | float | str | None

MANIFEST = "manifest.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Parameters(_Part):
    """What was asked for, and what the notebook ran with."""

    passed: dict[str, Any] = {}
    effective: dict[str, Any] = {}


class Git(_Part):
    """State of the checkout: commit hash, and whether files differ from it."""

    commit: str | None = None
    dirty: bool | None = None


class Gateway(_Part):
    """The gateway as it described itself: URL without credentials, versions, hash of its config."""

    url: str | None = None
    versions: dict[str, str] = {}
    config_hash: str | None = None


class Machine(_Part):
    """Where the notebook ran; load averages are those of 1, 5 and 15 minutes at start and end."""

    system: str
    python: str
    cores: int | None
    memory_bytes: int
    load_at_start: tuple[float, float, float]
    load_at_end: tuple[float, float, float] | None = None


class Artefact(_Part):
    """A file of the run: path in the run folder, SHA-256, size; for figures what they show."""

    path: str
    sha256: str
    bytes: int
    alt: str | None = None


class Manifest(_Part):
    """Everything that is known of a run."""

    format: Literal[1] = 1
    id: str
    notebook: str
    notebook_sha256: str | None = None
    status: Status
    error: str | None = None
    started: datetime
    ended: datetime | None = None
    duration_s: float | None = None
    metrics: dict[str, Number] = {}
    parameters: Parameters = Parameters()
    seed: int | None = None
    replay_of: str | None = None
    gateway: Gateway = Gateway()
    git: Git = Git()
    lock_sha256: str | None = None
    machine: Machine
    pid: int
    artefacts: tuple[Artefact, ...] = ()
    packages: dict[str, str] = {}

    def with_(self, **changes: Any) -> Manifest:
        """A copy with some fields changed, validated anew."""
        return Manifest.model_validate({**self.model_dump(), **changes})

    def as_seen_now(self) -> Manifest:
        """The manifest, with a run whose process is gone shown as interrupted."""
        if self.status == "running" and not psutil.pid_exists(self.pid):
            return self.with_(status="interrupted", error="the process that ran it is gone")
        return self

    def write(self, folder: Path) -> None:
        """Write `manifest.json`, at once or not at all."""
        write_atomically(folder / MANIFEST, self.model_dump_json(indent=2) + "\n")

    @staticmethod
    def read(folder: Path) -> Manifest:
        """Manifest of a run folder.

        Raises:
            OSError: There is none.
            ValueError: It cannot be understood.
        """
        document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return Manifest.model_validate(document)


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step, so that no reader ever sees half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
