"""Guardrails of either interface over a prompt and its variables."""

from __future__ import annotations

import pytest

from .interfaces import SPACES_1, OverBedrock, values

pytestmark = pytest.mark.usefixtures("provider")


def test_a_guardrail_checks_a_prompt_and_its_variables(api, provider, marker):
    said = api.guarded(SPACES_1, values(a=f"{marker}@example.com", b=marker))
    assert "{EMAIL}" in said and "@example.com" not in said


def test_a_guardrail_stops_a_variable(plainly, marker):
    variables = values(a=f"forbidden-word {marker}", b="x")
    if isinstance(plainly, OverBedrock):
        assert (
            plainly.guarded(SPACES_1, variables) == "Sorry, the model cannot answer this question."
        )
    else:
        refused = plainly.refused(SPACES_1, variables, guardrails=["grworkbench1"])
        assert refused.status == 400
