"""Whatever stands in the files, validate tells and does not fall over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_lib.deploy import tree
from gateway_lib.deploy.tree.loading import load
from gateway_lib.deploy.tree.nodes import Map, Seq, walk
from gateway_lib.deploy.tree.report import Report
from tests.deploy.validate.conftest import VARIABLES

FILES = [
    "copilot/.workspace",
    "copilot/images.yaml",
    "copilot/gateway/manifest.yml",
    "copilot/evaluate/manifest.yml",
    "copilot/environments/prod/manifest.yml",
    "copilot/environments/addons/addons.parameters.yml",
    "copilot/environments/addons/database.yml",
    "copilot/environments/addons/firewall.yml",
    "copilot/gateway/addons/call-logs.yml",
]
VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        2.5,
        "",
        " ",
        "x",
        "${NOT_SET}",
        "${",
        [],
        [None],
        ["x", 1],
        [{}],
        {},
        {"Ref": "x"},
        {"Ref": None},
        {"Fn::Sub": ["${x}"]},
        {"Fn::If": []},
        {"Fn::GetAtt": None},
        {"x": {"y": [1]}},
        {"from_cfn": ["x"]},
        {"Condition": {"x": 1}},
    ]
)


def _changed(value: object, at: tuple[str | int, ...], new: object) -> object:
    if not at:
        return new
    if isinstance(value, Map):
        return {k: _changed(v, at[1:], new) if k == at[0] else v for k, v in value.items()}
    if isinstance(value, Seq):
        return [_changed(v, at[1:], new) if n == at[0] else v for n, v in enumerate(value)]
    return value


@pytest.mark.parametrize("file", FILES)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_value_in_any_place_is_survived(data, project: Path, file: str):
    path = project / file
    right = path.read_text()
    document = load(path, Report(), template=True)
    places = [place for place, _, _ in walk(document) if place]
    at = data.draw(st.sampled_from(places))
    try:
        path.write_text(json.dumps(_changed(document, at, data.draw(VALUES))))
        findings = tree.validate(project, VARIABLES, cfn_lint=False)
    finally:
        path.write_text(right)
    assert all(f.path.is_relative_to(project) and f.mend for f in findings)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "- a\n- b",
        "- {op: replace, path: /Runtime, value: x}\n- {op: add, path: [/x], value: 1}\n- {path: null}",
        "a: *b",
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: !Ref [x]",
        "a: !Foo x",
        "a: !!python/object:os.system x",
        "? [a]\n: b",
        "1: 2",
        "a: \x00",
        "%YAML 3",
        "<<: [1]",
        "<<: *x",
        "a: {<<: {b: 1}}",
        "\tx: 1",
        "a: !!binary x",
        "a: !!int x",
        "---\n---\n",
        "{" * 400,
        "[" * 5000,
    ],
)
@pytest.mark.parametrize(
    "file", [*FILES[:3], FILES[-1], "copilot/gateway/overrides/cfn.patches.yml"]
)
def test_any_text_is_survived(project: Path, file: str, text: str):
    (project / file).write_text(text)
    findings = tree.validate(project, VARIABLES, cfn_lint=False)
    assert findings
