"""Both notebooks executed as a user does, on the complete stack; their numbers checked."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from gateway_lib import config
from gateway_lib.benchmark.records import table as records
from gateway_lib.benchmark.records.story import about
from gateway_lib.benchmark.results.comparison import same_plan
from gateway_lib.runs.manifest import Manifest
from gateway_lib.runs.parameters import notebook_parameters
from gateway_lib.settings import PROJECT_ROOT

NOTEBOOKS = sorted((PROJECT_ROOT / "notebooks").glob("*.ipynb"))
LONGEST_CELL = 15
PICTURES = (
    *("percentiles-ttft", "percentiles-total", "distribution-ttft", "timeline", "overhead"),
    *("cost-quality", "explored-distribution-total"),
)
SYNTAX = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def run(environment: dict[str, str], runs: Path, *arguments: str) -> list[tuple[Manifest, Path]]:
    """Manifests and folders of the runs that `gateway run` reports."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway_lib", "run", "--json", "--runs-dir", runs, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=1140,
    )
    assert done.returncode == 0, done.stderr
    folders = [Path(row["folder"]) for row in json.loads(done.stdout)["runs"]]
    return [(Manifest.read(folder), folder) for folder in folders]


@pytest.fixture(scope="module")
def runs(stack, tmp_path_factory):
    """Both notebooks with their defaults, in one go."""
    folder = tmp_path_factory.mktemp("runs")
    done = run(stack.environment, folder, "00_quickstart", "05_benchmark.ipynb")
    return {manifest.notebook: (manifest, folder) for manifest, folder in done}


def test_quickstart_books_the_cost_of_a_call_to_its_user(runs, stack):
    manifest, folder = runs["00_quickstart"]
    figures = manifest.metrics
    assert manifest.status == "succeeded"
    assert figures["call_cost_usd"] > 0
    assert figures["booked_usd"] == pytest.approx(figures["call_cost_usd"], rel=1e-6)
    assert 0 < figures["ttft_ms"] < figures["total_ms"]
    assert figures["conversation_turns"] == 2 and figures["prompt_tokens"] > 0
    assert "Your name is Ada." in (folder / "executed.ipynb").read_text()
    assert manifest.gateway.url == stack.environment["GATEWAY_BASE_URL"]
    assert manifest.gateway.versions["litellm"] == manifest.packages["litellm"]
    assert manifest.gateway.config_hash == config.digest(config.load_local())
    chunks = pd.read_parquet(folder / "records.parquet")
    assert len(chunks) > 5
    assert chunks["arrived_ms"].is_monotonic_increasing
    assert chunks["arrived_ms"].iloc[-1] == figures["total_ms"]
    [figure] = [artefact for artefact in manifest.artefacts if artefact.alt]
    assert figure.path == "figures/token-arrivals.png"
    assert f"{len(chunks)} chunks" in figure.alt


def test_benchmark_measures_every_model_on_every_question(runs):
    manifest, folder = runs["05_benchmark"]
    parameters, figures = manifest.parameters.effective, manifest.metrics
    assert manifest.status == "succeeded"
    assert manifest.seed == parameters["seed"] == 1
    frame = records.read(folder / "records.parquet")
    asked = parameters["n"] * parameters["repeats"]
    assert dict(frame["model"].value_counts()) == dict.fromkeys(parameters["models"], asked)
    assert figures["requests"] == len(frame) == asked * 3
    assert figures["errors"] == 0
    assert figures["not_booked"] == 0 and figures["cost_difference_max_usd"] <= 1e-6
    assert figures["booked_usd"] == figures["cost_usd"] == pytest.approx(frame["cost_usd"].sum())
    assert (frame["cost_usd"] > 0).all()
    assert set(frame["cost_source"]) == {"spend log"}
    assert (frame["ttft_ms"] < frame["total_ms"]).all()
    assert (frame["tokens_out"] > 0).all()
    assert (frame[["middleware_ms", "upstream_ms", "provider_ms"]] > 0).all(axis=None)
    assert 0 < figures["accuracy_pct"] < 100
    assert frame["model"].iloc[:9].nunique() > 1
    assert about(frame).achieved == about(frame).requested == len(frame)
    summary = json.loads((folder / "summary.json").read_text())["summary"]
    assert sorted(summary) == sorted(parameters["models"])
    names = [artefact.path for artefact in manifest.artefacts if artefact.alt]
    assert names == [f"figures/{name}.png" for name in PICTURES]
    answers = (folder / "answers.html").read_text()
    assert answers.count("<section") == parameters["n"] and "right" in answers


def test_a_replay_asks_the_same_and_is_compared_with_the_run(runs, stack):
    manifest, folder = runs["05_benchmark"]
    [(again, replayed)] = run(stack.environment, folder.parent, "--replay", manifest.id)
    assert again.replay_of == manifest.id and again.seed == manifest.seed
    frames = [records.read(each / "records.parquet") for each in (folder, replayed)]
    assert same_plan(*frames)
    [(compared, where)] = run(stack.environment, folder.parent, "06_compare_runs")
    figures = compared.metrics
    assert (figures["before"], figures["after"]) == (manifest.id, again.id)
    verdicts = ("worse", "better", "same", "cannot_tell", "n_too_small")
    assert sum(figures[name] for name in verdicts) >= 3 * 3, "costs, answers and errors at least"
    shown = [artefact.path for artefact in compared.artefacts if artefact.alt]
    assert shown == [f"figures/{name}.png" for name in ("changes", "overlay-ttft", "overlay-total")]
    report = (where / "report.html").read_text()
    assert "What came out differently" in report


def test_one_run_alone_is_not_compared(stack, tmp_path):
    [(manifest, folder)] = run(stack.environment, tmp_path, "06_compare_runs")
    assert manifest.status == "succeeded" and manifest.metrics == {"compared": "nothing yet"}
    assert "There is no second run" in (folder / "executed.ipynb").read_text()


def test_no_key_of_the_stack_is_in_any_file(runs, stack):
    secrets = [stack.environment[name] for name in ("GATEWAY_MASTER_KEY", "GATEWAY_API_KEY")]
    for _, folder in runs.values():
        for path in folder.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            assert not any(secret.encode() in content for secret in secrets), path.name


def test_quickstart_without_the_administrators_key_says_what_it_skips(stack, tmp_path):
    ordinary = {
        name: value
        for name, value in stack.environment.items()
        if name not in ("GATEWAY_MASTER_KEY", "GATEWAY_BASE_URL")
    }
    gateway = stack.environment["GATEWAY_BASE_URL"]
    [(manifest, folder)] = run(ordinary, tmp_path, "00_quickstart", "--gateway", gateway)
    assert manifest.status == "succeeded"
    assert "booked_usd" not in manifest.metrics
    assert "Skipped: no GATEWAY_MASTER_KEY" in (folder / "report.html").read_text()


def test_benchmark_shows_what_failed(stack, tmp_path):
    parameters = ["-p", "models=gpt-4o-mini,no-such-model", "-p", "n=2", "-p", "repeats=1"]
    [(manifest, folder)] = run(stack.environment, tmp_path, "05_benchmark", *parameters)
    assert (manifest.metrics["requests"], manifest.metrics["errors"]) == (4, 2)
    report = (folder / "report.html").read_text()
    assert "4 requests, 2 failed" in report
    assert "2 http_400" in report
    assert "n too small" in report


@pytest.mark.timeout(1200)
def test_nbval_passes_on_the_committed_notebooks(stack, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", *NOTEBOOKS],
        env={**os.environ, **stack.environment, "GATEWAY_RUNS_DIR": str(tmp_path)},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=1140,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    statuses = {Manifest.read(folder).status for folder in tmp_path.glob("*-*-*")}
    assert statuses == {"interactive"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_thin_and_committed_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert notebook.cells[0].cell_type == "markdown"
    assert cells[0].metadata["tags"] == ["parameters"]
    assert notebook_parameters(notebook)
    for statement in ast.parse(cells[0].source).body:
        assert isinstance(statement, ast.AnnAssign), ast.unparse(statement)
        assert "  # " in cells[0].source.splitlines()[statement.lineno - 1]
    for cell in cells:
        assert cell.outputs == [] and cell.execution_count is None
        assert len(cell.source.splitlines()) <= LONGEST_CELL, cell.source
        tree = compile(cell.source, path.name, "exec", SYNTAX)
        assert not any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree))
