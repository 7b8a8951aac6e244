"""Each way in which an experiment's file can mislead is found, on its line, and only there."""

from __future__ import annotations

import re

import pytest
import yaml

from gateway_lib.experiments.file import EXPERIMENTS, load
from gateway_lib.experiments.linting import is_experiment, lint, lint_folder
from gateway_lib.experiments.linting.rules import RULES
from gateway_lib.findings import Severity
from gateway_lib.settings import PROJECT_ROOT

TEXT = (EXPERIMENTS / "cheaper-model.yaml").read_text()
CONTROL = "{name: control, model: simulated-baseline, weight: 1}"
CANDIDATE = "{name: candidate, model: simulated-candidate, weight: 1}"
FAULTS = [
    (
        "unknown-model",
        "model: simulated-candidate",
        "model: simulated-candidat",
        "simulated-candidate",
    ),
    ("arms-equal", "model: simulated-candidate", "model: simulated-baseline", "A/A"),
    ("small-arm", CANDIDATE, CANDIDATE.replace("weight: 1", "weight: 0.001"), "ramp"),
    ("unknown-column", "value: feedback.correct", "value: served_model", "feedback.<name>"),
    ("shadow-feedback", "  unit: user", "  unit: user\n  mode: shadow", "mode: split"),
    ("no-horizon", "rule: sequential\n  units: 1600", "rule: fixed\n  #", "State `units`"),
    ("no-plan", ", baseline: 0.00055, deviation: 0.00014", "", "benchmark"),
    ("no-quality", "  - {metric: correct, margin: 0.05, stops: true}\n", "", "feedback"),
    ("wide-margin", "margin: 0.05", "margin: 5", "0.05"),
    ("unit-too-coarse", "unit: user", "unit: key", "Assign by `user`"),
    ("single-calls", "unit: user", "unit: request", "Leave"),
    ("name-differs", "name: cheaper-model", "name: cheaper", "Rename"),
    ("not-valid", "goal: higher", "goal: hihger", "docs/experiments.md"),
    ("not-valid", "{metric: correct, margin: 0.05, stops: true}", "{metric: correct}", "docs"),
    ("not-valid", "secondary: [latency", "secondary: [latenz", "docs"),
    ("unreadable", "routing:", "routing: [", "Mend"),
]

SEEN_AT = {
    "unknown-model": "simulated-candidat",
    "arms-equal": "name: candidate",
    "small-arm": "0.001",
    "unknown-column": "served_model",
    "shadow-feedback": "correct",
    "no-horizon": "rule:",
    "no-plan": "primary:",
    "no-quality": "guardrails:",
    "wide-margin": "margin: 5",
    "unit-too-coarse": "unit: key",
    "single-calls": "calls_per_unit",
    "name-differs": "name: cheaper",
}
"""What stands on the line that a finding names."""


def written(tmp_path, text: str):
    path = tmp_path / "cheaper-model.yaml"
    path.write_text(text)
    return path


def test_the_example_has_no_fault(tmp_path):
    assert lint_folder() == []
    assert lint(written(tmp_path, TEXT)) == []
    load("cheaper-model")


@pytest.mark.parametrize(("rule", "right", "wrong", "mend"), FAULTS, ids=[f[0] for f in FAULTS])
def test_a_fault_is_found_on_its_line(tmp_path, rule, right, wrong, mend):
    assert TEXT.count(right) == 1
    if rule == "no-horizon":  # neither units nor expectations
        text = TEXT.replace(right, wrong).replace(", baseline: 0.00055, deviation: 0.00014", "")
    else:
        text = TEXT.replace(right, wrong)
    found = [one for one in lint(written(tmp_path, text)) if one.rule == f"experiment/{rule}"]
    assert found and any(mend in one.mend for one in found), lint(written(tmp_path, text))
    lines = ["", *text.splitlines()]
    assert rule == "unreadable" or all(SEEN_AT.get(rule, "") in lines[one.line] for one in found)


def test_two_experiments_that_need_more_than_their_layer(tmp_path):
    written(tmp_path, TEXT)
    other = TEXT.replace("name: cheaper-model", "name: other")
    (tmp_path / "other.yaml").write_text(other)
    [found] = lint_folder(tmp_path)
    assert found.rule == "experiment/layer-overbooked" and found.severity is Severity.WARNING
    (tmp_path / "other.yaml").write_text(other.replace("  unit:", "  layer: second\n  unit:"))
    assert lint_folder(tmp_path) == []


def test_a_configuration_is_told_from_an_experiment(tmp_path):
    assert is_experiment(EXPERIMENTS / "cheaper-model.yaml")
    assert not is_experiment(PROJECT_ROOT / "config" / "default-config.yaml")
    assert not is_experiment(tmp_path / "absent.yaml")


def test_the_table_of_rules_is_the_rules():
    text = (PROJECT_ROOT / "docs" / "experiments.md").read_text()
    rows = re.findall(r"^\| `(experiment/[a-z0-9-]+)` \| (.+) \|$", text, re.MULTILINE)
    assert [row for row in rows if row[0] in {one.name for one in RULES}] == [
        (one.name, one.summary) for one in RULES
    ]
    assert {"experiment/unreadable", "experiment/not-valid", "experiment/name-differs"} < dict(
        rows
    ).keys()


def test_the_example_in_the_documentation_is_a_right_one(tmp_path):
    text = (PROJECT_ROOT / "docs" / "experiments.md").read_text()
    [block] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    name = yaml.safe_load(block)["routing"]["name"]
    path = tmp_path / f"{name}.yaml"
    path.write_text(block)
    assert lint(path) == []
