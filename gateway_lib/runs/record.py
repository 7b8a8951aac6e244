"""The record of a run, from its beginning to its end, whatever happens in between."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from gateway_lib.errors import GatewayError, NotebookFailed, RunError, RunInterrupted
from gateway_lib.runs import provenance, registry, report
from gateway_lib.runs.artefacts import collect, remove_secrets
from gateway_lib.runs.interruption import interruptible, shielded
from gateway_lib.runs.manifest import Gateway, Manifest, Parameters, write_atomically
from gateway_lib.runs.redaction import Redactor
from gateway_lib.runs.run import SUMMARY, Run, new_id, read_summary


@dataclass(frozen=True)
class Record:
    """A run folder whose manifest says `running`, until `end` says how it went.

    Attributes:
        folder: The run folder.
        manifest: As it was at the beginning.
        redactor: Knows the secrets that must not get in.
    """

    folder: Path
    manifest: Manifest
    redactor: Redactor

    @classmethod
    def begin(
        cls,
        runs_dir: Path,
        name: str,
        redactor: Redactor,
        *,
        gateway: Gateway,
        parameters: Parameters,
        seed: int | None = None,
        replay_of: str | None = None,
        notebook_sha256: str | None = None,
    ) -> Record:
        """Make the folder, and write down all that is known before the first step.

        Raises:
            RunError: The folder cannot be made.
        """
        run_id = new_id(name)
        folder = runs_dir.resolve() / run_id
        try:
            (folder / "figures").mkdir(parents=True)
        except OSError as error:
            raise RunError(f"cannot make a run folder in {runs_dir}: {error.strerror}") from None
        manifest = Manifest(
            id=run_id,
            notebook=name,
            notebook_sha256=notebook_sha256,
            status="running",
            started=datetime.now(UTC),
            parameters=Parameters(
                passed=redactor.value(parameters.passed),
                effective=redactor.value(parameters.effective),
            ),
            seed=seed,
            replay_of=replay_of,
            gateway=gateway,
            git=provenance.git_state(),
            lock_sha256=provenance.lock_sha256(),
            machine=provenance.machine(),
            pid=os.getpid(),
            packages=provenance.package_versions(),
        )
        manifest.write(folder)
        registry.rebuild_index(folder.parent)
        return cls(folder, manifest, redactor)

    def end(self, error: GatewayError | None) -> Manifest:
        """Look for secrets a last time, write the report and how it went."""
        removed = remove_secrets(self.folder, self.redactor)
        results = _results(self.folder)
        if removed:
            held = f"removed because it held a secret: {', '.join(removed)}"
            error = NotebookFailed(f"{error}; {held}" if error else held)
        ended = datetime.now(UTC)
        begun = self.manifest
        manifest = begun.with_(
            status=_status(error),
            error=str(error) if error else None,
            ended=ended,
            duration_s=(ended - begun.started).total_seconds(),
            metrics=self.redactor.value(results["metrics"]),
            machine={**begun.machine.model_dump(), "load_at_end": psutil.getloadavg()},
        )
        with contextlib.suppress(OSError, RunError):
            report.write_report(self.folder, manifest, results["figures"])
        manifest = manifest.with_(artefacts=collect(self.folder, results["figures"]))
        manifest.write(self.folder)
        registry.rebuild_index(self.folder.parent)
        return manifest


@contextlib.contextmanager
def recorded(record: Record) -> Iterator[Run]:
    """Where a command leaves what it found; the record ends with the context, however that ends."""
    error: GatewayError | None = None
    try:
        with interruptible():
            yield Run(record.folder, record.redactor)
    except GatewayError as failure:
        error = failure
        raise
    except KeyboardInterrupt:
        error = RunInterrupted("interrupted")
        raise
    except BaseException as failure:
        error = RunError(record.redactor.text(f"{type(failure).__name__}: {failure}"))
        raise
    finally:
        with shielded():
            record.end(error)


def _status(error: GatewayError | None) -> str:
    if error is None:
        return "succeeded"
    return "interrupted" if error.exit_code == RunInterrupted.exit_code else "failed"


def _results(folder: Path) -> dict[str, dict[str, Any]]:
    """`summary.json`, made here when the run wrote none that can be read."""
    try:
        results = read_summary(folder)
    except (OSError, ValueError):
        results = {"metrics": {}, "summary": {}, "figures": {}}
    write_atomically(folder / SUMMARY, json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    return results
