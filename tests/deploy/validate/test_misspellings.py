"""A misspelt key is told, whichever key it is and however it is misspelt."""

from __future__ import annotations

import re
import types
import typing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from gateway_lib.deploy import tree
from gateway_lib.deploy.tree.models import (
    EnvironmentManifest,
    ScheduledJobManifest,
    ServiceManifest,
)
from gateway_lib.deploy.tree.nodes import walk
from tests.deploy.validate.conftest import VARIABLES

MANIFESTS = [
    "copilot/gateway/manifest.yml",
    "copilot/evaluate/manifest.yml",
    "copilot/environments/dev/manifest.yml",
    "copilot/environments/prod/manifest.yml",
]
FREE = {"variables", "secrets", "args", "labels", "sidecars", "environments", "depends_on"}
"""What stands below these is named by whoever writes the manifest."""


def _models(annotation: object) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        found = {annotation}
        for each in annotation.model_fields.values():
            found |= _models(each.annotation) | {
                model for extra in each.metadata for model in _models(extra)
            }
        return found
    if isinstance(annotation, types.UnionType) or typing.get_args(annotation):
        return {m for inner in typing.get_args(annotation) for m in _models(inner)}
    return set()


KNOWN = {
    field.alias or name
    for manifest in (EnvironmentManifest, ScheduledJobManifest, ServiceManifest)
    for model in _models(manifest)
    for name, field in model.model_fields.items()
}


def _keys(root: Path, file: str) -> list[tuple[str, int]]:
    """Every key that Copilot gives a meaning to, with its line."""
    from gateway_lib.deploy.tree.loading import load
    from gateway_lib.deploy.tree.report import Report

    document = load(root / file, Report())
    return [
        (str(place[-1]), line)
        for place, _, line in walk(document)
        if place and isinstance(place[-1], str) and (len(place) < 2 or place[-2] not in FREE)
    ]


@st.composite
def misspelling(draw, word: str) -> str:
    """One letter left out, put in, exchanged with the next or written wrongly."""
    at = draw(st.integers(0, len(word) - 1))
    letter = draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz_"))
    return draw(
        st.sampled_from(
            [
                word[:at] + word[at + 1 :],
                word[:at] + letter + word[at:],
                word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :],
                word[:at] + letter + word[at + 1 :],
            ]
        )
    )


def test_the_models_were_found():
    assert {"grace_period", "spot_from", "certificates", "schedule", "in", "iam"} <= KNOWN


@pytest.mark.parametrize("file", MANIFESTS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(data=st.data())
def test_a_misspelt_key_is_told(data, project: Path, file: str):
    path = project / file
    right = path.read_text()
    key, line = data.draw(st.sampled_from(_keys(project, file)))
    wrong = data.draw(misspelling(key))
    assume(len(wrong) > 1 and wrong not in KNOWN)
    lines = right.split("\n")
    changed = re.sub(rf"(?<![\w.-]){re.escape(key)}:", f"{wrong}:", lines[line - 1], count=1)
    assert changed != lines[line - 1]
    lines[line - 1] = changed
    try:
        path.write_text("\n".join(lines))
        findings = tree.validate(project, VARIABLES, cfn_lint=False)
    finally:
        path.write_text(right)
    told = [f for f in findings if f.rule == "key/unknown" and (f.path, f.line) == (path, line)]
    assert told and f"{wrong}`" in told[0].problem, "\n".join(map(str, findings))
    assert told[0].mend
