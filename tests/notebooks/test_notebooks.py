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

from gateway_lib.runs.manifest import Manifest
from gateway_lib.runs.parameters import notebook_parameters
from gateway_lib.settings import PROJECT_ROOT

NOTEBOOKS = sorted((PROJECT_ROOT / "notebooks").glob("*.ipynb"))
LONGEST_CELL = 15
SYNTAX = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def run(environment: dict[str, str], runs: Path, *arguments: str) -> list[tuple[Manifest, Path]]:
    """Manifests and folders of the runs that `gateway run` reports."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway_lib", "run", "--json", "--runs-dir", runs, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
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
    assert manifest.gateway.url == stack.environment["GATEWAY_BASE_URL"]
    assert manifest.gateway.versions["litellm"] == manifest.packages["litellm"]
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
    assert manifest.duration_s < 60
    assert manifest.seed == parameters["seed"] == 1
    frame = pd.read_parquet(folder / "records.parquet")
    asked = parameters["n"] * parameters["repeats"]
    assert dict(frame["model"].value_counts()) == dict.fromkeys(parameters["models"], asked)
    assert figures["requests"] == len(frame) == asked * 3
    assert figures["errors"] == 0
    assert figures["cost_usd"] == pytest.approx(frame["cost_usd"].sum())
    assert (frame["cost_usd"] > 0).all()
    assert set(frame["cost_source"]) == {"stream usage"}
    assert (frame["ttft_ms"] < frame["total_ms"]).all()
    assert (frame["tokens_out"] > 0).all()
    assert 0 < figures["accuracy_pct"] < 100
    assert frame["model"].iloc[:9].nunique() > 1
    summary = json.loads((folder / "summary.json").read_text())["summary"]
    assert sorted(summary) == sorted(parameters["models"])
    names = [artefact.path for artefact in manifest.artefacts if artefact.alt]
    assert names == ["figures/latency.png", "figures/cost-accuracy.png"]


def test_no_key_of_the_stack_is_in_any_file(runs, stack):
    secrets = [stack.environment[name] for name in ("GATEWAY_MASTER_KEY", "GATEWAY_API_KEY")]
    for _, folder in runs.values():
        for path in folder.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            tree = compile(cell.source, path.name, "exec", SYNTAX)
        assert not any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree))
