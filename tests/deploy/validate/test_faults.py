"""Every planted fault is told with its file, its line, its rule and its mend, and nothing else is."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway_lib.deploy import tree
from tests.deploy.validate.faults import FAULTS

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    "fault", FAULTS, ids=[f"{number}-{fault.rule}" for number, fault in enumerate(FAULTS)]
)
def test_a_planted_fault_is_found(fault, project: Path, variables):
    path, line = fault.plant(project)
    given = {**variables, **fault.variables}
    environment = {name: value for name, value in given.items() if value is not None}
    findings = tree.validate(project, environment, cfn_lint=False, today=TODAY)
    told = [finding for finding in findings if finding.rule == fault.rule]
    assert [f for f in told if (f.path, f.line) == (path, line)], (line, list(map(str, findings)))
    assert {f.rule for f in findings} == {fault.rule, *fault.also}, list(map(str, findings))
    for finding in findings:
        assert len(finding.problem) > 10 and len(finding.mend) > 8
        assert finding.problem.endswith(".") and finding.mend.endswith((".", ")", "'", "]"))


def test_the_right_tree_has_no_finding(project: Path, variables):
    assert tree.validate(project, variables, cfn_lint=False, today=TODAY) == []


def test_every_rule_has_a_planted_fault():
    elsewhere = {"cfn-lint/error", "cfn-lint/warning"}  # test_cfn_lint.py
    planted = {fault.rule for fault in FAULTS}
    assert {rule.name for rule in tree.rules()} - planted == elsewhere
