"""Every planted fault is told with its file, its line, its rule and its mend, and nothing else is."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway_lib.deploy import tree
from tests.deploy.validate.fault import faults

TODAY = date(2026, 11, 24)
FAULTS = faults()


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_planted_fault_is_told(fault, project: Path, variables):
    path, line = fault.plant(project)
    environment = {**variables, **fault.variables}
    findings = tree.validate(project, environment, cfn_lint=False, today=TODAY)
    shown = "\n".join(map(str, findings))
    assert [f for f in findings if (f.rule, f.path, f.line) == (fault.rule, path, line)], shown
    assert {f.rule for f in findings} == {fault.rule, *fault.also}, shown
    for finding in findings:
        assert len(finding.problem) > 10 and len(finding.mend) > 8, shown


def test_the_right_tree_has_no_finding(project: Path, variables):
    assert tree.validate(project, variables, cfn_lint=False, today=TODAY) == []


def test_every_rule_has_a_planted_fault():
    elsewhere = {"cfn-lint/error", "cfn-lint/warning"}  # test_cfn_lint.py
    assert {rule.name for rule in tree.rules()} - {fault.rule for fault in FAULTS} == elsewhere


def test_a_finding_of_the_scan_is_accepted_with_a_reason_and_only_there(project: Path, variables):
    keys = project / "copilot" / "environments" / "addons" / "encryption.yml"
    text = keys.read_text().replace("EnableKeyRotation: true", "EnableKeyRotation: false")
    reason = "      gateway: {accept: {security/key-rotation: the key is imported from a vault}}\n"
    keys.write_text(text.replace("    Metadata:\n", f"    Metadata:\n{reason}"))
    assert tree.validate(project, variables, cfn_lint=False, today=TODAY) == []
    keys.write_text(text)
    [finding] = tree.validate(project, variables, cfn_lint=False, today=TODAY)
    assert finding.rule == "security/key-rotation"


def test_runtimes_are_judged_by_the_day(project: Path, variables):
    """nodejs24.x, which the patches set, ends one day, too."""
    found = tree.validate(project, variables, cfn_lint=False, today=date(2028, 5, 1))
    assert {finding.rule for finding in found} == {"override/runtime-ended"}
