import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway_lib.errors import RunNotFound
from gateway_lib.runs import provenance, registry
from gateway_lib.runs.manifest import Manifest
from gateway_lib.runs.words import duration_text, figure_text
from tests.lib.runs.conftest import CANARY

START = datetime(2026, 1, 1, tzinfo=UTC)


def make_run(runs_dir: Path, number: int, **changes) -> Manifest:
    manifest = Manifest(
        **{
            "id": f"20260101T0000{number:02d}Z-nb-{number:06x}",
            "notebook": "nb",
            "status": "succeeded",
            "started": START + timedelta(seconds=number),
            "machine": provenance.machine(),
            "pid": os.getpid(),
            **changes,
        }
    )
    (runs_dir / manifest.id).mkdir(parents=True)
    manifest.write(runs_dir / manifest.id)
    return manifest


def test_runs_are_listed_newest_first_and_broken_folders_are_passed_over(tmp_path):
    made = [make_run(tmp_path, number) for number in (2, 11, 1)]
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    listed = [entry.manifest.id for entry in registry.list_runs(tmp_path)]
    assert listed == [made[1].id, made[0].id, made[2].id]
    assert registry.list_runs(tmp_path / "none") == []


def test_a_run_is_found_by_id_by_a_beginning_or_as_the_latest(tmp_path):
    first, second = make_run(tmp_path, 1), make_run(tmp_path, 18)
    found = lambda text: registry.find_run(tmp_path, text).manifest.id  # noqa: E731
    assert found(first.id) == first.id
    assert found("20260101T000018") == second.id
    assert found("000012") == second.id
    assert found("latest") == second.id
    with pytest.raises(RunNotFound, match="2 runs match '2026'"):
        found("2026")
    for nothing in ("", "zz"):
        with pytest.raises(RunNotFound, match="no run matches"):
            found(nothing)
    with pytest.raises(RunNotFound):
        registry.find_run(tmp_path / "none", "latest")


def test_a_run_whose_process_is_gone_is_seen_as_interrupted(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    make_run(tmp_path, 1, status="running", pid=gone.pid)
    make_run(tmp_path, 2, status="running")
    seen = [entry.manifest.status for entry in registry.list_runs(tmp_path)]
    assert seen == ["running", "interrupted"]


def test_the_index_escapes_what_it_shows(tmp_path):
    make_run(tmp_path, 1, error="<script>alert(1)</script>", metrics={"a<b": "<i>"})
    page = registry.rebuild_index(tmp_path).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")


def make_and_index(runs_dir: Path, number: int) -> None:
    make_run(runs_dir, number)
    registry.rebuild_index(runs_dir)


def test_runs_that_end_together_are_all_in_the_index(tmp_path):
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(make_and_index, [tmp_path] * 12, range(12)))
    page = (tmp_path / "index.html").read_text()
    assert page.count('<li class="run">') == 12
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".index.html")] == []


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("ttft_p50_ms", 41.234, ("ttft p50", "41.2 ms")),
        ("cost_usd", 1.2345e-5, ("cost", "$0.0000123")),
        ("accuracy_pct", 70.0, ("accuracy", "70 %")),
        ("requests", 1200, ("requests", "1,200")),
        ("done", True, ("done", "yes")),
        ("cost_usd", None, ("cost", "\u2013")),
        ("verdict", "ship", ("verdict", "ship")),
    ],
)
def test_figures_read_well(name, value, shown):
    assert figure_text(name, value) == shown


def test_durations_read_well():
    shown = [duration_text(seconds) for seconds in (0.82, 12.34, 245, None)]
    assert shown == ["820 ms", "12.3 s", "4 min 05 s", "\u2013"]


def test_by_hand_a_run_is_interactive_and_made_at_the_first_write(bench):
    code = """
from gateway_lib import runs
run = runs.current()
assert not run.folder.exists()
run.metrics(answer=42)
from matplotlib.figure import Figure
run.figure(Figure(), "empty", alt="Nothing")
"""
    bench.environment["JPY_SESSION_NAME"] = "/some/place/by_hand.ipynb"
    subprocess.run([sys.executable, "-c", code], env=bench.environment, check=True, timeout=60)
    [entry] = registry.list_runs(bench.runs)
    assert entry.manifest.status == "interactive"
    assert entry.manifest.notebook == "by_hand"
    assert entry.manifest.metrics == {"answer": 42}
    assert entry.thumbnail == (f"{entry.folder.name}/figures/empty.png", "Nothing")
    assert "by_hand" in (bench.runs / "index.html").read_text()
    assert CANARY.encode() not in bench.everything_written()
