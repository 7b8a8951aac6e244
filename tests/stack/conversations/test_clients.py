"""Kept conversations with every kind of client: its path, its header for a key, what its answer comes in."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import httpx
import openai
import pytest

from tests.stack.callers import BOTH, OPENAI, STREAMED, spoken_text

pytestmark = pytest.mark.usefixtures("provider")


@pytest.fixture
def azure(caller):
    with openai.AzureOpenAI(
        azure_endpoint=caller.url,
        api_key=caller.key,
        api_version="2024-10-21",
        max_retries=0,
    ) as client:
        yield client


@BOTH
@STREAMED
def test_azures_client_has_a_memory_too(azure, provider, marker, model, streamed):
    message = {"role": "user", "content": f"echo: {marker}"}
    begun = azure.chat.completions.create(model=model, messages=[message])
    session = begun.model_extra["session_id"]
    more = azure.chat.completions.create(
        model=model, messages=[message], stream=streamed, extra_body={"session_id": session}
    )
    if streamed:
        chunks = list(more)
        assert chunks[0].session_id == session and spoken_text(chunks) == marker
    assert len(provider.received(marker)[-1].body["messages"]) == 3


@pytest.mark.parametrize(
    "path",
    [
        f"/openai/deployments/{OPENAI}/chat/completions",
        f"/engines/{OPENAI}/chat/completions",
        "/chat/completions",
        "/v1/chat/completions",
    ],
)
@pytest.mark.parametrize("header", ["authorization", "api-key", "x-api-key", "x-litellm-api-key"])
def test_every_path_and_every_header_for_a_key_lead_to_one_history(
    caller, provider, marker, path, header
):
    session = caller.begin(f"echo: {marker}")
    value = (
        f"Bearer {caller.key}" if header in ("authorization", "x-litellm-api-key") else caller.key
    )
    answer = httpx.post(
        caller.url + path,
        headers={header: value},
        json={
            "model": OPENAI,
            "messages": [{"role": "user", "content": f"echo: more {marker}"}],
            "session_id": session,
        },
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["session_id"] == answer.headers["x-session-id"] == session
    assert len(provider.received(marker)[-1].body["messages"]) == 3


@BOTH
@pytest.mark.parametrize("safe", ["", ":"])
def test_a_model_in_the_path_may_be_encoded(caller, marker, model, safe):
    answer = caller.http.post(
        f"/engines/{quote(model, safe=safe)}/chat/completions",
        json={"messages": [{"role": "user", "content": f"echo: {marker}"}]},
    )
    assert answer.status_code == 200, answer.text
    assert caller.spoken(answer.headers["x-session-id"])[1]["content"] == marker


@STREAMED
def test_a_client_that_takes_gzip_gets_what_it_can_read(caller, marker, streamed):
    text = " ".join(map(str, range(400)))
    body = {
        "model": OPENAI,
        "messages": [{"role": "user", "content": f"echo: {marker} {text}"}],
        "stream": streamed,
    }
    headers = {"accept-encoding": "gzip, br, zstd"}
    for more in ({}, {"enable_history": False}):
        answer = caller.http.post("/v1/chat/completions", json={**body, **more}, headers=headers)
        assert answer.status_code == 200 and "399" in answer.text


@STREAMED
def test_headers_of_litellms_and_ours_are_there(caller, marker, streamed):
    raw = caller.openai.chat.completions.with_raw_response.create(
        model=OPENAI,
        messages=[{"role": "user", "content": f"echo: {marker}"}],
        stream=streamed,
        extra_headers={"x-request-id": marker},
    )
    answer = raw.parse()
    headers, session = raw.headers, raw.headers["x-session-id"]
    if streamed:
        assert spoken_text(answer) == marker
    else:
        assert answer.model_extra["session_id"] == session
        assert float(headers["x-litellm-response-cost"]) > 0
    assert headers["x-litellm-model-id"] and headers["x-litellm-call-id"]
    assert headers["x-request-id"] == marker
    assert caller.turns(session)[0]["request_id"] == marker


async def test_the_async_client_holds_many_conversations_at_once(caller, marker):
    async with openai.AsyncOpenAI(
        base_url=f"{caller.url}/v1", api_key=caller.key, max_retries=0
    ) as client:

        async def talk(number):
            session, texts = None, [f"echo: {marker} {number} {turn}" for turn in range(3)]
            for text in texts:
                stream = await client.chat.completions.create(
                    model=OPENAI,
                    messages=[{"role": "user", "content": text}],
                    stream=True,
                    extra_body={"session_id": session},
                )
                chunks = [chunk async for chunk in stream]
                assert session in (None, chunks[0].session_id)
                session = chunks[0].session_id
            return session, texts

        talks = await asyncio.gather(*(talk(number) for number in range(8)))
    assert len({session for session, _ in talks}) == 8
    for session, texts in talks:
        assert [m["content"] for m in caller.spoken(session)[::2]] == texts
