"""The variables of a prompt: where their values go, and those that are missing, surplus or misshapen."""

from __future__ import annotations

from urllib.parse import quote

import openai
import pytest

from tests.stack.callers import OPENAI

from .interfaces import CHAT_1, PREFIX, SPACES_1, values

pytestmark = pytest.mark.usefixtures("provider")


def test_places_with_spaces_and_places_that_come_twice(api, marker):
    said = api.text(SPACES_1, values(a=marker, b="Oslo"))
    assert said == f"From {marker} to Oslo and back to {marker}."


@pytest.mark.parametrize("value", ["{{b}}", "{{ a }}", "{{other}}", "\\g<0> \\1 $1 %s {0}", '"}]'])
def test_a_value_is_never_expanded(api, marker, value):
    said = api.text(SPACES_1, values(a=f"{value}{marker}", b="{{a}}"))
    assert said == f"From {value}{marker} to {{{{a}}}} and back to {value}{marker}."


@pytest.mark.parametrize("variables", [None, {}])
def test_missing_variables_are_named(api, variables):
    refused = api.refused(CHAT_1, variables)
    assert refused.status == 400
    assert refused.kind in ("invalid_prompt_variables", "ValidationException")
    assert "'company', 'question'" in refused.message


def test_surplus_variables_are_named_and_their_values_are_not(api, provider, marker):
    refused = api.refused(CHAT_1, values(company="x", question="y", colour=marker))
    assert refused.status == 400 and "'colour'" in refused.message
    assert marker not in refused.message and provider.received(marker) == []


@pytest.mark.parametrize(
    "variables",
    [
        {"city": "marker"},
        {"city": {"text": 7}},
        {"city": {"text": None}},
        {"city": {}},
        {"city": {"text": "marker", "more": 1}},
        {"city": None},
        {"city": [{"text": "marker"}]},
        ["city"],
        "city",
    ],
)
@pytest.mark.parametrize("interface", ["openai", "bedrock"])
def test_a_variable_of_another_shape_is_refused(caller, interface, variables):
    arn = PREFIX + "PROMPTTXT1:1"
    body = {"promptVariables": variables}
    if interface == "openai":
        path, body = "/v1/chat/completions", {"model": arn, "messages": [], **body}
    else:
        path = f"/bedrock/model/{quote(arn, safe='')}/converse"
    answer = caller.http.post(path, json=body)
    assert answer.status_code == 400, answer.text
    assert "city" in answer.text or "promptVariables" in answer.text
    assert "marker" not in answer.text


@pytest.mark.parametrize("variables", [{}, values(a="b")])
def test_variables_without_a_prompt_are_refused(caller, provider, marker, variables):
    with pytest.raises(openai.BadRequestError, match="must be a prompt's ARN"):
        caller.say(f"echo: {marker}", extra_body={"promptVariables": variables})
    if variables:
        with pytest.raises(caller.bedrock.exceptions.ValidationException, match="a prompt's ARN"):
            caller.converse(f"echo: {marker}", OPENAI, promptVariables=variables)
    assert provider.received(marker) == []
