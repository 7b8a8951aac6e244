"""What the service makes of a guardrail that blocks, is unknown, or does not answer."""

from __future__ import annotations

import asyncio

import pytest

from .conftest import gateway

CHAT, CONVERSE = "/v1/chat/completions", "/bedrock/model/m/converse"


def body(text: str = "hi", *names: str, **fields):
    named = {"guardrails": list(names)} if names else {}
    return {"model": "m", "messages": [{"role": "user", "content": text}], **named, **fields}


def converse(text: str = "hi", *names: str):
    fields = {"additionalModelRequestFields": {"guardrails": list(names)}} if names else {}
    return {"messages": [{"role": "user", "content": [{"text": text}]}], **fields}


KEPT = pytest.mark.parametrize("kept", [True, False])


async def test_without_a_list_no_call_that_names_one_is_served(litellm, closed):
    litellm.names = None
    refused = await closed.post(CHAT, json=body("hi", "a"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "guardrails_unknown")
    assert refused.headers["retry-after"] == "1"
    refused = await closed.post(CONVERSE, json=converse("hi", "a"))
    assert refused.headers["x-amzn-errortype"] == "ServiceUnavailableException"
    assert not litellm.calls
    assert (await closed.post(CHAT, json=body())).status_code == 200


async def test_the_list_is_asked_for_anew_for_a_name_that_is_not_on_it(litellm, closed):
    assert (await closed.post(CHAT, json=body("hi", "a"))).status_code == 200
    litellm.names = ["a", "b", "new"]
    await asyncio.sleep(0.6)  # a list counts as new for half a second
    assert (await closed.post(CHAT, json=body("hi", "new"))).status_code == 200
    assert (await closed.post(CHAT, json=body("hi", "newer"))).status_code == 400


@KEPT
@pytest.mark.parametrize("form", ["plain", "squeezed", "streamed"])
async def test_a_blocked_call(litellm, closed, kept, form):
    litellm.squeezes, litellm.streams = form == "squeezed", form == "streamed"
    answer = await closed.post(CHAT, json=body("forbidden", "a", enable_history=kept))
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "error": {
                "message": "No.",
                "type": "invalid_request_error",
                "param": None,
                "code": "content_filter",
                "guardrail": "a",
            }
        },
    )
    assert ("x-session-id" in answer.headers) == kept
    answer = (await closed.post(CONVERSE, json=converse("forbidden", "a"))).json()
    assert answer["stopReason"] == "guardrail_intervened"
    assert answer["output"]["message"]["content"] == [{"text": "No."}]


@KEPT
async def test_a_guardrail_that_is_down(litellm, closed, kept):
    litellm.down = {"a"}
    answer = await closed.post(CHAT, json=body("hi", "a", enable_history=kept))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "guardrail_unavailable")
    answer = await closed.post(CONVERSE, json=converse("hi", "a"))
    assert answer.headers["x-amzn-errortype"] == "ServiceUnavailableException"
    answer = await closed.post("/v1/messages", json=body("hi", "a", max_tokens=9))
    assert (answer.status_code, answer.json()["type"]) == (503, "error")


@KEPT
async def test_a_call_goes_on_without_those_that_it_named(litellm, open_, kept):
    litellm.down = {"a"}
    answer = await open_.post(CHAT, json=body("hi", "a", "b", enable_history=kept))
    assert answer.status_code == 200
    assert answer.headers["x-guardrail-warning"] == "not applied: a"
    assert [call["guardrails"] for call in litellm.calls] == [["a", "b"], ["b"]]
    answer = await open_.post(CONVERSE, json=converse("hi", "a"))
    assert answer.headers["x-guardrail-warning"] == "not applied: a"
    assert "guardrails" not in litellm.calls[-1]
    blocked = await open_.post(CHAT, json=body("forbidden", "a", "b", enable_history=kept))
    assert blocked.json()["error"]["code"] == "content_filter"
    assert "x-guardrail-warning" not in blocked.headers


async def test_but_not_without_those_of_every_call(litellm, open_):
    litellm.always, litellm.down = {"b"}, {"b"}
    for names in ((), ("a",), ("b",), ("a", "b")):
        answer = await open_.post(CHAT, json=body("hi", *names))
        assert answer.json()["error"]["code"] == "guardrail_unavailable", names


@pytest.mark.parametrize(("text", "status"), [("failing", 500), ("strange", 500)])
async def test_an_error_that_is_no_guardrails_passes(litellm, open_, text, status):
    """Nothing is repeated; of the model's own error the guardrails are not even asked."""
    answer = await open_.post(CHAT, json=body(text, "a", enable_history=False))
    assert answer.status_code == status and len(litellm.calls) == 1
    asked = [path for path, _ in litellm.asked if "apply" in path]
    assert len(asked) == (1 if text == "strange" else 0)


async def test_counters(litellm, open_):
    litellm.down = {"a"}
    await open_.post(CHAT, json=body("hi", "a"))
    assert (await open_.get("/metricz")).status_code == 403
    assert (await open_.get("/metricz", headers={"authorization": ""})).status_code == 401
    told = await open_.get("/metricz", headers={"authorization": "Bearer sk-service"})
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = told.text.splitlines()
    assert "# TYPE middleware_guardrail_failed_open_total counter" in lines
    assert any(
        line.startswith('middleware_guardrail_failed_open_total{guardrail="a"} ') for line in lines
    )


LIMITS = [
    (429, {"message": "Rate limit exceeded for api_key: x. Limit type: requests.", "type": "None"}),
    (429, {"message": "Budget has been exceeded!", "type": "budget_exceeded"}),
    (403, {"message": "key not allowed", "type": "key_model_access_denied"}),
    (403, {"message": "not allowed", "type": "auth_error"}),
]


@pytest.mark.parametrize(("status", "error"), LIMITS)
async def test_a_limit_of_litellms_is_no_failure_of_a_guardrail(litellm, open_, status, error):
    litellm.error, litellm.down = (status, error), {"a"}
    answer = await open_.post(CHAT, json=body("hi", "a"))
    assert (answer.status_code, answer.json()) == (status, {"error": error})
    assert len(litellm.asked) == 1  # neither was it repeated, nor the guardrail asked


async def test_of_an_errors_guardrails_the_list_that_is_known_tells(litellm, postgres_url):
    """A new list is waited for only where a server has failed."""
    litellm.models = [{"model_name": "m", "litellm_params": {"model": "openai/m"}}]
    async with gateway(litellm, postgres_url) as closed:
        await _told_by_the_list(litellm, closed)


async def _told_by_the_list(litellm, closed):
    await closed.post(CHAT, json=body("hi", "a"))
    litellm.error, before = (429, {"message": "Too many", "type": "None"}), litellm.listings
    await asyncio.sleep(0.6)  # a list counts as new for half a second
    for _ in range(3):
        assert (await closed.post(CHAT, json=body())).status_code == 429
    assert litellm.listings == before
    assert len(litellm.asked) == 4


async def test_a_guardrail_of_every_call_that_was_made_just_now(litellm, open_):
    await open_.post(CHAT, json=body("hi", "a"))
    litellm.always, litellm.down = {"b"}, {"b"}
    answer = await open_.post(CHAT, json=body())
    assert answer.json()["error"]["code"] == "guardrail_unavailable"


async def test_where_nobody_has_one_no_error_waits_for_a_guardrail(litellm, closed):
    litellm.names, litellm.error = [], (500, {"message": "broken"})
    for _ in range(2):
        assert (await closed.post(CHAT, json=body())).status_code == 500
    assert not [path for path, _ in litellm.asked if "apply" in path]
