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
