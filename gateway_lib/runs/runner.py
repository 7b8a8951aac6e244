"""Executing one notebook unattended, and keeping the record of it whatever happens."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import papermill
import psutil
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from gateway_lib.errors import GatewayError, NotebookFailed, RunError, RunInterrupted
from gateway_lib.runs import engine, provenance, registry, report
from gateway_lib.runs.artefacts import collect, remove_secrets
from gateway_lib.runs.interruption import interruptible, shielded
from gateway_lib.runs.manifest import Manifest, Parameters, write_atomically
from gateway_lib.runs.plan import Plan, read_notebook
from gateway_lib.runs.redaction import Redactor
from gateway_lib.runs.run import FOLDER_VARIABLE, SUMMARY, new_id, read_summary
from gateway_lib.settings import Settings

EXECUTED = "executed.ipynb"
_LONGEST_ERROR = 300


@dataclass(frozen=True)
class Runner:
    """Executes notebooks against one gateway.

    Attributes:
        target: Settings that name the gateway.
        environment: Variables of the kernel, those of the target among them.
        runs_dir: Where run folders go.
        redactor: Knows the secrets that must not get into them.
        progress: Whether to draw a progress bar on stderr, when that is a terminal.
    """

    target: Settings
    environment: Mapping[str, str]
    runs_dir: Path
    redactor: Redactor
    progress: bool = True

    def run(self, plan: Plan) -> Manifest:
        """Execute a notebook; its manifest says how it went, also after Ctrl-C or SIGTERM.

        Raises:
            RunError: The run folder cannot be made.
        """
        folder, manifest = self._begin(plan)
        error: GatewayError | None = None
        try:
            with interruptible(), tempfile.TemporaryFile("w+", errors="replace") as log:
                self._execute(plan, folder, log)
        except GatewayError as failure:
            error = failure
        except KeyboardInterrupt:
            error = RunInterrupted("interrupted")
        with shielded():
            return self._end(folder, manifest, error)

    def _begin(self, plan: Plan) -> tuple[Path, Manifest]:
        run_id = new_id(plan.notebook.stem)
        folder = self.runs_dir.resolve() / run_id
        try:
            (folder / "figures").mkdir(parents=True)
        except OSError as error:
            raise RunError(
                f"cannot make a run folder in {self.runs_dir}: {error.strerror}"
            ) from None
        manifest = Manifest(
            id=run_id,
            notebook=plan.notebook.stem,
            notebook_sha256=provenance.file_sha256(plan.notebook),
            status="running",
            started=datetime.now(UTC),
            parameters=Parameters(
                passed=self.redactor.value(dict(plan.passed)),
                effective=self.redactor.value(plan.effective),
            ),
            seed=plan.seed,
            replay_of=plan.replay_of,
            gateway=provenance.gateway_facts(self.target),
            git=provenance.git_state(),
            lock_sha256=provenance.lock_sha256(),
            machine=provenance.machine(),
            pid=os.getpid(),
            packages=provenance.package_versions(),
        )
        manifest.write(folder)
        registry.rebuild_index(folder.parent)
        return folder, manifest

    def _execute(self, plan: Plan, folder: Path, log: IO[str]) -> None:
        engine.install(folder, self.redactor)
        logging.getLogger("papermill").setLevel(logging.ERROR)
        try:
            papermill.execute_notebook(
                str(plan.notebook),
                str(folder / EXECUTED),
                parameters=dict(plan.passed),
                engine_name=engine.ENGINE,
                kernel_name="python3",
                language="python",
                progress_bar={"desc": plan.notebook.stem, "disable": None}
                if self.progress
                else False,
                cwd=str(plan.notebook.parent),
                environment={**self.environment, FOLDER_VARIABLE: str(folder)},
                kernel_log=log,
            )
        except PapermillExecutionError as error:
            what = f"{error.ename}: {error.evalue}" if error.evalue else error.ename
            raise self._failed(f"cell [{error.exec_count}]", what) from None
        except DeadKernelError:
            raise self._failed(_last_cell(folder), f"the kernel died{_last_words(log)}") from None
        except Exception as error:
            raise self._failed("papermill", f"{type(error).__name__}: {error}") from None

    def _failed(self, where: str, what: str) -> NotebookFailed:
        return NotebookFailed(self.redactor.text(f"{where}: {_one_line(what)}"))

    def _end(self, folder: Path, manifest: Manifest, error: GatewayError | None) -> Manifest:
        removed = remove_secrets(folder, self.redactor)
        results = _results(folder)
        if removed:
            held = f"removed because it held a secret: {', '.join(removed)}"
            error = NotebookFailed(f"{error}; {held}" if error else held)
        ended = datetime.now(UTC)
        manifest = manifest.with_(
            status=_status(error),
            error=str(error) if error else None,
            ended=ended,
            duration_s=(ended - manifest.started).total_seconds(),
            metrics=self.redactor.value(results["metrics"]),
            machine={**manifest.machine.model_dump(), "load_at_end": psutil.getloadavg()},
        )
        with contextlib.suppress(OSError, RunError):
            report.write_report(folder, manifest)
        manifest = manifest.with_(artefacts=collect(folder, results["figures"]))
        manifest.write(folder)
        registry.rebuild_index(folder.parent)
        return manifest


def _status(error: GatewayError | None) -> str:
    if error is None:
        return "succeeded"
    return "interrupted" if isinstance(error, RunInterrupted) else "failed"


def _results(folder: Path) -> dict[str, dict[str, Any]]:
    """`summary.json`, made here when the notebook wrote none that can be read."""
    try:
        results = read_summary(folder)
    except (OSError, ValueError):
        results = {"metrics": {}, "summary": {}, "figures": {}}
    write_atomically(folder / SUMMARY, json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    return results


def _last_cell(folder: Path) -> str:
    notebook = read_notebook(folder / EXECUTED)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    started = [cell for cell in code if cell.metadata.get("papermill", {}).get("start_time")]
    return f"cell [{len(started)}]"


def _last_words(log: IO[str]) -> str:
    log.seek(0)
    lines = [line.strip() for line in log if line.strip()]
    return f": {lines[-1]}" if lines else ""


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_ERROR else f"{line[:_LONGEST_ERROR]}…"
