"""`gateway validate`, as people and machines call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.deploy.validate.conftest import VARIABLES


def _run(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    known = {k: v for k, v in os.environ.items() if k not in VARIABLES}
    return subprocess.run(
        [sys.executable, "-m", "gateway_lib", "validate", *arguments],
        cwd=cwd,
        env={**known, "COLUMNS": "100", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_right_tree_is_one_line_and_status_0(project: Path):
    before = os.times()
    result = _run("--no-cfn-lint", cwd=project, **VARIABLES)
    after = os.times()
    assert result.returncode == 0 and result.stderr == ""
    assert result.stdout.startswith("the tree is right (") and result.stdout.count("\n") == 1
    assert after.children_user - before.children_user < 20, "work of seconds, not of minutes"


def test_findings_are_grouped_by_file_with_a_summary(project: Path):
    manifest = project / "copilot" / "gateway" / "manifest.yml"
    text = manifest.read_text()
    manifest.write_text(text.replace("cpu: 2048\n", "cpu: 1000\n").replace("\nmemory:", "\nmemry:"))
    result = _run("--no-cfn-lint", cwd=project, **VARIABLES)
    assert result.returncode == 1
    lines = result.stdout.split("\n")
    assert lines[0] == "copilot/gateway/manifest.yml"
    assert result.stdout.count("copilot/gateway/manifest.yml") == 1
    assert "size/cpu-memory" in result.stdout and "Write `memory`." in result.stdout
    assert lines[-2].startswith("2 errors, 0 warnings (")


def test_a_warning_alone_does_not_fail(project: Path):
    images = project / "copilot" / "images.yaml"
    images.write_text(images.read_text().replace("sha256:" + "1f" * 32, "null"))
    result = _run("--no-cfn-lint", cwd=project, **VARIABLES)
    assert result.returncode == 0 and "0 errors, 2 warnings (" in result.stdout


def test_json_is_for_machines(project: Path):
    (project / "copilot" / "environments" / "overrides" / "cfn.patches.yml").unlink()
    result = _run(str(project), "--json", "--no-cfn-lint", cwd=project.parent, **VARIABLES)
    told = json.loads(result.stdout)
    assert result.returncode == 1 and told["errors"] == 1 and told["warnings"] == 0
    [finding] = told["findings"]
    assert finding["path"].endswith("environments/overrides/cfn.patches.yml")
    assert set(finding) == {"path", "line", "rule", "severity", "problem", "mend"}


def test_variables_come_from_a_file_and_the_process_wins(project: Path):
    file = project / "deploy.env"
    file.write_text("DOMAIN_NAME=not a host\nCERTIFICATE_ARN=" + VARIABLES["CERTIFICATE_ARN"])
    alone = _run("copilot", "--env-file", "deploy.env", "--json", "--no-cfn-lint", cwd=project)
    assert {f["rule"] for f in json.loads(alone.stdout)["findings"]} == {"https/host"}
    name = VARIABLES["DOMAIN_NAME"]
    both = _run("--env-file", "deploy.env", "--no-cfn-lint", cwd=project, DOMAIN_NAME=name)
    assert both.returncode == 0, both.stdout
    missing = _run("--env-file", "nothing.env", cwd=project)
    assert missing.returncode == 1 and missing.stderr.startswith("gateway: nothing.env: ")


def test_no_value_of_a_variable_is_shown(project: Path):
    manifest = project / "copilot" / "gateway" / "manifest.yml"
    text = manifest.read_text()
    for old, new in (
        ("alias: ${DOMAIN_NAME}", "alias: https://${HIDDEN}"),
        ("cpu: 2048\n", "cpu: ${HIDDEN}\n"),
        ("    placement: private", "    placement: ${HIDDEN}"),
        ("-DatabaseHost", "-${HIDDEN}"),
        ("range: 2-10", "range: ${HIDDEN}"),
    ):
        text = text.replace(old, new, 1)
    manifest.write_text(text)
    result = _run("--json", "--no-cfn-lint", cwd=project, HIDDEN="hunter2-hunter2", **VARIABLES)
    assert json.loads(result.stdout)["errors"] >= 5
    assert "hunter2" not in result.stdout + result.stderr


def test_cfn_lint_runs_unless_it_is_left_out(project: Path):
    redis = project / "copilot" / "environments" / "addons" / "redis.yml"
    redis.write_text(redis.read_text().replace("AtRestEncryptionEnabled", "AtRestEncryptionEnabld"))
    whole = json.loads(_run("--json", cwd=project, **VARIABLES).stdout)["findings"]
    short = json.loads(_run("--json", "--no-cfn-lint", cwd=project, **VARIABLES).stdout)["findings"]
    assert {f["rule"] for f in whole} == {"cfn-lint/error", "security/encryption"}
    assert {f["rule"] for f in short} == {"security/encryption"}
