"""Whose key may use a prompt, and in which paths a prompt may stand."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.stack.callers import OPENAI

from .interfaces import PREFIX, SPACES_1, OverBedrock, OverOpenAI, turns, values

pytestmark = pytest.mark.usefixtures("provider")


def test_a_prompt_is_not_fetched_for_a_key_that_is_not_good(someone, master, journal):
    arn = PREFIX + "NEVERASKED"
    blocked = someone()
    assert master.http.post("/key/block", json={"key": blocked.key}).is_success
    strangers = [blocked, *(someone(key=key) for key in ("sk-made-up", "no key at all", "sk-"))]
    for stranger in strangers:
        body = {"promptVariables": values(a="x")}
        answer = stranger.http.post(
            "/v1/chat/completions", json={"model": arn, "messages": [], **body}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
        for operation in ("converse", "converse-stream"):
            path = f"/bedrock/model/{quote(arn, safe='')}/{operation}"
            answer = stranger.http.post(path, json=body)
            assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert journal("NEVERASKED") == []


def test_a_prompt_does_not_lend_its_model_to_a_key_that_may_not_use_it(someone, provider, marker):
    confined = someone(models=[OPENAI])
    for api in (OverOpenAI(confined, False), OverBedrock(confined, False)):
        assert api.refused(SPACES_1, values(a=marker, b="x")).status == 403
    assert provider.received(marker) == []


def test_a_prompt_in_the_path_of_a_client_for_azure(caller, provider, marker):
    answer = caller.http.post(
        f"/openai/deployments/{quote(SPACES_1, safe='')}/chat/completions",
        json={"messages": [], "promptVariables": values(a=marker, b="x")},
    )
    assert answer.status_code == 200, answer.text
    assert marker in answer.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize("operation", ["invoke", "invoke-with-response-stream", "count-tokens"])
def test_other_operations_of_bedrock_take_no_prompt(caller, operation):
    answer = caller.http.post(
        f"/bedrock/model/{quote(SPACES_1, safe='')}/{operation}",
        json={"input": {"converse": {"messages": turns(("user", "x"))}}},
    )
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
