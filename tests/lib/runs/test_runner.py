import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import nbformat
import pandas as pd
import pytest

from gateway_lib.runs.manifest import Manifest
from gateway_lib.runs.plan import plan_all, plan_notebook
from tests.lib.runs.conftest import CANARY, PASSWORD

PARAMETERS = """
n: int = 3  # how many
models: list[str] = ["a", "b"]  # which
name: str | None = None
seed: int = 7
"""


class References(HTMLParser):
    """Everything a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            fetched = name in ("src", "srcset", "poster", "data") or (
                name == "href" and tag in ("link", "base", "use", "image")
            )
            if fetched and value and not value.startswith("data:"):
                self.found.append(value)


def fetched_by(page: str) -> list[str]:
    parser = References()
    parser.feed(page)
    styles = " ".join(re.findall(r"<style[^>]*>(.*?)</style>", page, re.DOTALL))
    return parser.found + re.findall(r"@import|url\(\s*['\"]?(?!data:)[^)]*", styles)


@pytest.fixture
def finished(bench):
    notebook = bench.notebook(
        "tiny",
        "# Tiny\nSee [a link](https://example.com).",
        """
import os
import pandas as pd
from matplotlib import pyplot as plt
from gateway_lib import runs
key = os.environ["GATEWAY_API_KEY"]
print("key", key, os.environ["GATEWAY_BASE_URL"], "hunter2/&pass")
run = runs.current()
""",
        """
saved = (run.folder / "executed.ipynb").read_text()
assert key not in saved and "hunter" + "2" not in saved and "[redacted]" in saved
pd.DataFrame({"key": [key * 3], "jwt": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"]})
""",
        """
figure, axes = plt.subplots()
axes.plot([1, 2])
run.figure(figure, "line", alt='A "rising" line')
run.records(pd.DataFrame({"a": [1, 2], "text": ["fine", "use sk-abcdefghijklmnop"]}))
run.metrics(ttft_p50_ms=41.25, n=n, missing=float("nan"))
run.summary({"models": models})
""",
        parameters=PARAMETERS,
    )
    [plan] = plan_all([notebook], {"n": "5", "models": "x, y:0"}, bench.runner().redactor)
    return bench.runner().run(plan)


def test_a_run_leaves_a_complete_folder_and_no_secret(bench, finished):
    folder = bench.runs / finished.id
    manifest = Manifest.read(folder)
    assert manifest == finished
    assert manifest.error is None
    assert manifest.status == "succeeded"
    assert manifest.parameters.passed == {"n": 5, "models": ["x", "y:0"]}
    assert manifest.parameters.effective == {
        "n": 5,
        "models": ["x", "y:0"],
        "name": None,
        "seed": 7,
    }
    assert manifest.seed == 7
    assert manifest.metrics == {"ttft_p50_ms": 41.25, "n": 5, "missing": None}
    assert manifest.gateway.url == "http://127.0.0.1:9"
    assert (manifest.gateway.versions, manifest.gateway.config_hash) == ({}, None)
    assert manifest.duration_s == (manifest.ended - manifest.started).total_seconds()
    assert manifest.packages["papermill"]
    assert len(manifest.lock_sha256) == 64
    assert re.fullmatch(r"\d{8}T\d{6}Z-tiny-[0-9a-f]{6}", manifest.id)

    names = [artefact.path for artefact in manifest.artefacts]
    assert names == [
        "executed.ipynb",
        "records.parquet",
        "report.html",
        "summary.json",
        "figures/line.png",
    ]
    for artefact in manifest.artefacts:
        content = (folder / artefact.path).read_bytes()
        assert artefact.bytes == len(content)
        assert artefact.sha256 == hashlib.sha256(content).hexdigest()
    assert manifest.artefacts[-1].alt == 'A "rising" line'
    assert json.loads((folder / "summary.json").read_text())["summary"] == {"models": ["x", "y:0"]}

    texts = pd.read_parquet(folder / "records.parquet")["text"]
    assert list(texts) == ["fine", "use [redacted]"]
    written = bench.everything_written()
    for secret in (CANARY, CANARY[:20], PASSWORD, "hunter2", "eyJhbGci", "sk-abcdefgh"):
        assert secret.encode() not in written, secret

    # the page needs nothing but itself, and forbids the browser to fetch anything
    report = (folder / "report.html").read_text()
    assert fetched_by(report) == []
    assert "default-src 'none'" in report
    assert "<script" not in report
    assert """alt='A "rising" line'""" in report
    assert report.count("<details><summary>Code") == 5
    index = (bench.runs / "index.html").read_text()
    assert fetched_by(index) == [f"{finished.id}/figures/line.png"]
    assert f'href="{finished.id}/report.html"' in index
    assert "41.2 ms" in index


def test_a_secret_written_past_the_api_is_removed_and_fails_the_run(bench):
    notebook = bench.notebook(
        "leaks",
        """
import os
import pandas as pd
from gateway_lib import runs
run, key = runs.current(), os.environ["GATEWAY_API_KEY"]
pd.DataFrame({"text": ["x" * 100, key]}).to_parquet(run.folder / "own.parquet")
(run.folder / "notes.txt").write_text("the key is " + key)
(run.folder / "fine.txt").write_text("fine")
run.metrics(done=True)
""",
    )
    manifest = bench.runner().run(plan_notebook(notebook))
    folder = bench.runs / manifest.id
    assert manifest.status == "failed"
    assert manifest.error == "removed because it held a secret: notes.txt, own.parquet"
    assert (folder / "fine.txt").exists()
    assert not (folder / "notes.txt").exists()
    assert not (folder / "own.parquet").exists()
    assert manifest.metrics == {"done": True}
    assert manifest.error in (folder / "report.html").read_text()


def test_a_secret_given_to_the_api_fails_the_cell(bench):
    notebook = bench.notebook(
        "records",
        """
import os
import pandas as pd
from gateway_lib import runs
runs.current().records(pd.DataFrame({"text": [os.environ["GATEWAY_API_KEY"]]}))
""",
    )
    manifest = bench.runner().run(plan_notebook(notebook))
    assert manifest.status == "failed"
    assert manifest.error == (
        "cell [1]: SecretInArtefact: records.parquet would hold a secret of the environment"
    )
    assert CANARY.encode() not in bench.everything_written()


def test_a_dead_kernel_is_a_failed_run(bench):
    notebook = bench.notebook(
        "dies", "a = 1", "import os; os.write(2, b'no memory'); os._exit(3)", "b = 2"
    )
    manifest = bench.runner().run(plan_notebook(notebook))
    assert (manifest.status, manifest.error) == ("failed", "cell [2]: the kernel died: no memory")
    executed = nbformat.read(bench.runs / manifest.id / "executed.ipynb", as_version=4)
    assert executed.cells[2].execution_count is None
    assert (bench.runs / manifest.id / "report.html").is_file()


def test_a_run_begins_without_compiling_grammars_nobody_asks_for():
    code = "import sys, gateway_lib.runs.session; sys.exit('rfc3987_syntax.syntax_helpers' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
