"""How papermill executes a notebook: own kernel, redacted saves, cells named in the progress."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import zmq
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.iorw import papermill_io

from gateway_lib.runs.redaction import Redactor

ENGINE = "gateway"


class InterpreterKernel(AsyncKernelManager):
    """Kernel of the running interpreter, whichever kernel specs are installed elsewhere."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(**get_kernel_dict())


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    def papermill_execute_cells(self) -> None:
        try:
            super().papermill_execute_cells()
        except BaseException:
            # An interrupted or dead kernel would use up the whole grace time of a shutdown.
            self.shutdown_kernel = "immediate"
            raise


class _Execution(NotebookExecutionManager):  # type: ignore[misc]
    """Names the running cell in the progress bar by the heading above it."""

    heading = ""

    def cell_start(self, cell: NotebookNode, cell_index: int | None = None, **more: Any) -> None:
        if cell.cell_type == "markdown":
            lines = [line.lstrip("# ") for line in cell.source.splitlines() if line[:1] == "#"]
            self.heading = lines[0] if lines else self.heading
        super().cell_start(cell, cell_index, **more)

    def get_cell_description(self, cell: NotebookNode, escape_str: str = "") -> str | None:
        return self.heading or None


class RunEngine(NBClientEngine):  # type: ignore[misc]
    """papermill engine; wants the kernel's whole environment and a file for its complaints."""

    @classmethod
    def execute_notebook(
        cls,
        nb: NotebookNode,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool | dict[str, Any] = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **options: Any,
    ) -> NotebookNode:
        execution = _Execution(nb, output_path, log_output, progress_bar, autosave_cell_every)
        execution.notebook_start()
        try:
            cls.execute_managed_notebook(execution, kernel_name, **options)
        finally:
            execution.cleanup_pbar()
            execution.notebook_complete()
        executed: NotebookNode = execution.nb
        return executed

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        environment: Mapping[str, str],
        kernel_log: IO[str],
        start_timeout: int = 60,
        **_: Any,
    ) -> None:
        # The kernel's sockets are open to every user of the machine: encrypt where zmq can.
        kernel = InterpreterKernel(transport_encryption="auto" if zmq.has("curve") else "disabled")
        client = _Client(nb_man, km=kernel, startup_timeout=start_timeout)
        client.execute(cleanup_kc=True, env=dict(environment), stdout=kernel_log, stderr=kernel_log)


class RedactedFiles:
    """papermill I/O handler for one run folder: no secret is ever written, not even for a moment.

    papermill saves after every cell, so cleaning up afterwards would leave secrets on disk for as
    long as the notebook runs.
    """

    def __init__(self, folder: Path, redactor: Redactor) -> None:
        self._folder = folder
        self._redactor = redactor

    def write(self, document: str, path: str) -> None:
        notebook = json.loads(document)
        about = notebook.get("metadata", {}).get("papermill", {})
        for name in ("input_path", "output_path"):
            if about.get(name):
                about[name] = Path(about[name]).name
        part = Path(f"{path}.part")
        part.write_text(self._redactor.notebook(json.dumps(notebook)), encoding="utf-8")
        part.replace(path)

    def read(self, path: str) -> str:
        return Path(path).read_text(encoding="utf-8")

    def pretty_path(self, path: str) -> str:
        return Path(path).name


def install(folder: Path, redactor: Redactor) -> None:
    """Make papermill know the engine, and write into a run folder through a redactor."""
    papermill_engines.register(ENGINE, RunEngine)
    papermill_io.register(str(folder), RedactedFiles(folder, redactor))
