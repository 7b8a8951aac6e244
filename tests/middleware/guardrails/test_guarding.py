"""What the service makes of a guardrail that blocks, is unknown, or does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from middleware.app import create_app
from middleware.settings import Settings

from ..conftest import opened, served
from .litellm import LiteLLM

KEY = {"authorization": "Bearer sk-somebody"}
CHAT, CONVERSE = "/v1/chat/completions", "/bedrock/model/m/converse"


@pytest.fixture
async def litellm() -> AsyncIterator[LiteLLM]:
    app = LiteLLM()
    async with served(app) as url:
        app.url = url
        yield app


@asynccontextmanager
async def gateway(litellm: LiteLLM, database: str, **settings) -> AsyncIterator[httpx.AsyncClient]:
    known = Settings(
        litellm_key="sk-service", litellm_url=litellm.url, database_url=database, **settings
    )
    async with served(create_app(known), server_header=False) as url:
        await opened(url)
        async with httpx.AsyncClient(base_url=url, headers=KEY, trust_env=False) as http:
            yield http


@pytest.fixture
async def closed(litellm, postgres_url) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway(litellm, postgres_url) as http:
        yield http


@pytest.fixture
async def open_(litellm, postgres_url) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway(litellm, postgres_url, guardrails_fail_open=True) as http:
        yield http


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


async def test_a_large_form_is_not_read(litellm, closed):
    """What has no length, or a great one, goes on piece by piece as before."""

    async def pieces():
        for _ in range(4):
            yield b'name="guardrails"' * 100

    headers = {"content-type": "multipart/form-data; boundary=x"}
    path = "/v1/audio/transcriptions"
    assert (await closed.post(path, content=pieces(), headers=headers)).status_code == 200
    small = b'--x\r\nContent-Disposition: form-data; name="guardrails"\r\n\r\na\r\n--x--'
    assert (await closed.post(path, content=small, headers=headers)).status_code == 400
