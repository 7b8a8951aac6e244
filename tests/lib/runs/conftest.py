import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from gateway_lib.runs.redaction import redactor
from gateway_lib.runs.runner import Runner
from gateway_lib.settings import settings_of

CANARY = "canary-Zq8-0123456789-abcdefghij"
PASSWORD = "hunter2/&pass"


def write_notebook(path: Path, *cells: str, parameters: str | None = None) -> Path:
    """A notebook of code cells, and of headings where a text begins with `#`."""
    made = []
    if parameters is not None:
        made.append(new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    for text in cells:
        made.append(new_markdown_cell(text) if text.startswith("#") else new_code_cell(text))
    about = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=made, metadata={"kernelspec": about}), path)
    return path


@dataclass
class Bench:
    """A place to run notebooks in: nothing answers at the gateway's address."""

    folder: Path
    environment: dict[str, str]

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def notebook(self, name: str, *cells: str, parameters: str | None = None) -> Path:
        return write_notebook(self.folder / f"{name}.ipynb", *cells, parameters=parameters)

    def runner(self) -> Runner:
        target = settings_of(self.environment)
        guard = redactor(self.environment, target.secrets())
        return Runner(target, self.environment, self.runs, guard, progress=False)

    def gateway(self, *arguments: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "gateway_lib", *map(str, arguments)],
            env=self.environment,
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def everything_written(self) -> bytes:
        return b"".join(p.read_bytes() for p in self.runs.rglob("*") if p.is_file())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    rogue = tmp_path / "jupyter" / "kernels" / "python3"
    rogue.mkdir(parents=True)
    (rogue / "kernel.json").write_text(
        '{"argv": ["/bin/false"], "display_name": "x", "language": "python"}'
    )
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("GATEWAY_", "OPENAI_"))}
    return Bench(
        tmp_path,
        {
            **inherited,
            "JUPYTER_DATA_DIR": str(tmp_path / "jupyter"),
            "GATEWAY_BASE_URL": "http://user:hunter2%2F%26pass@127.0.0.1:9",
            "GATEWAY_API_KEY": CANARY,
            "GATEWAY_RUNS_DIR": str(tmp_path / "runs"),
        },
    )
