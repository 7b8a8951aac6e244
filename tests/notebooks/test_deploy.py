"""Notebook 01_deploy executed as a user does: on this machine, and as a dry run for AWS without it."""

from __future__ import annotations

import json
import os

import pandas as pd
import pytest

from gateway_lib.settings import PROJECT_ROOT
from tests.notebooks.test_notebooks import run


@pytest.fixture
def nothing_at_hand(monkeypatch, tmp_path):
    """No Copilot, no credentials of AWS."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name in ("DOMAIN_NAME", "CERTIFICATE_ARN"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_local_looks_deploys_and_proves(stack, tmp_path):
    parameters = ["-p", "dry_run=false"]
    [(manifest, folder)] = run(stack.environment, tmp_path, "01_deploy", *parameters)
    figures = manifest.metrics
    assert manifest.parameters.effective["target"] == "local"
    assert figures["ready"] is True
    assert figures["steps_to_run"] == 0 and figures["steps_run"] == 0
    assert figures["proven"] == 5
    assert figures["cost_month_usd"] == 0
    lines = pd.read_parquet(folder / "records.parquet")
    assert set(lines["environment"]) == {"dev", "prod"} and (lines["usd"] >= 0).all()
    summary = json.loads((folder / "summary.json").read_text())["summary"]
    assert summary["url"] == stack.base_url
    assert [a.path for a in manifest.artefacts if a.alt] == [
        "figures/diagram.png",
        "figures/cost.png",
    ]
    report = (folder / "report.html").read_text()
    assert "budget_exceeded" in report and "as committed" in report


@pytest.mark.parametrize("target", ["dev", "prod"])
def test_a_dry_run_needs_neither_copilot_nor_aws(stack, tmp_path, nothing_at_hand, target):
    own = {k: v for k, v in stack.environment.items() if not k.startswith("AWS_")}
    state = PROJECT_ROOT / ".gateway" / "deploy" / f"{target}.json"
    before = state.exists()
    [(manifest, folder)] = run(own, tmp_path, "01_deploy", "-p", f"target={target}")
    assert manifest.status == "succeeded"
    figures = manifest.metrics
    assert figures["ready"] is False
    assert figures["steps"] == figures["steps_to_run"] == 8
    assert 0 < figures["cost_month_usd"] < figures["cost_most_usd"]
    report = (folder / "report.html").read_text()
    assert "cannot tell" in report and "is not on PATH" in report
    assert f"copilot env deploy --name {target}" in report
    assert "Nothing was changed: dry_run is true." in report
    assert state.exists() == before
    for secret in (stack.environment["GATEWAY_MASTER_KEY"], stack.environment["GATEWAY_API_KEY"]):
        for path in folder.rglob("*"):
            assert not (path.is_file() and secret.encode() in path.read_bytes()), path.name
