"""Executing one notebook unattended, and keeping the record of it whatever happens."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from gateway_lib.errors import GatewayError, NotebookFailed, RunInterrupted
from gateway_lib.runs import engine, provenance
from gateway_lib.runs.interruption import interruptible, shielded
from gateway_lib.runs.manifest import Manifest, Parameters
from gateway_lib.runs.plan import Plan, read_notebook
from gateway_lib.runs.record import Record
from gateway_lib.runs.redaction import Redactor
from gateway_lib.runs.run import FOLDER_VARIABLE
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
        record = Record.begin(
            self.runs_dir,
            plan.notebook.stem,
            self.redactor,
            gateway=provenance.gateway_facts(self.target),
            parameters=Parameters(passed=dict(plan.passed), effective=plan.effective),
            seed=plan.seed,
            replay_of=plan.replay_of,
            notebook_sha256=provenance.file_sha256(plan.notebook),
        )
        error: GatewayError | None = None
        try:
            with interruptible(), tempfile.TemporaryFile("w+", errors="replace") as log:
                self._execute(plan, record.folder, log)
        except GatewayError as failure:
            error = failure
        except KeyboardInterrupt:
            error = RunInterrupted("interrupted")
        with shielded():
            return record.end(error)

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
