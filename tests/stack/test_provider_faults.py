"""Providers that fail, for callers of chat completions; tests/contract has those of the Bedrock API."""

from __future__ import annotations

import asyncio

import httpx
import openai
import pytest

from tests.conftest import wait_until

from .callers import BOTH, STREAMED, spoken_text

pytestmark = pytest.mark.usefixtures("provider")


def words(answer, streamed: bool) -> str:
    return spoken_text(answer) if streamed else answer.choices[0].message.content


@BOTH
@STREAMED
async def test_a_caller_that_leaves_before_the_answer_ends_the_providers_work_within_two_seconds(
    caller, provider, marker, model, streamed
):
    """While nothing has come yet, from a provider that hangs."""
    provider.fail(model, "hang")
    message = {"role": "user", "content": f"Tell me a story. {marker}"}
    body = {"model": model, "stream": streamed, "messages": [message]}
    async with httpx.AsyncClient(base_url=caller.url, trust_env=False, timeout=60) as http:
        asking = asyncio.create_task(
            http.post("/v1/chat/completions", json=body, headers=caller.http.headers)
        )
        await asyncio.to_thread(wait_until, lambda: provider.received(marker), 60)
        asking.cancel()
    await asyncio.to_thread(
        wait_until, lambda: provider.only(marker).outcome == "disconnected", 2.0
    )


@BOTH
@STREAMED
@pytest.mark.parametrize("status", [500, 503])
def test_an_error_of_the_providers_is_one_of_openais_and_asked_once(
    caller, provider, marker, model, streamed, status
):
    provider.fail(model, "status", status=status)
    with pytest.raises(openai.InternalServerError) as failed:
        caller.say(f"echo: {marker}", model, stream=streamed)
    assert failed.value.status_code in (500, 503) and failed.value.body["message"]
    provider.only(marker)


@BOTH
@STREAMED
@pytest.mark.parametrize("kind", ["reset", "malformed_json"])
def test_what_a_provider_does_not_finish_or_nobody_can_read_is_an_error(
    caller, provider, marker, model, streamed, kind
):
    provider.fail(model, kind)
    with pytest.raises(openai.APIError) as failed:
        words(caller.say(f"echo: {marker} one two three", model, stream=streamed), streamed)
    assert str(failed.value).strip()


@BOTH
@STREAMED
def test_an_answer_that_comes_slowly_is_the_whole_answer(caller, provider, marker, model, streamed):
    provider.fail(model, "slow_chunks", seconds=0.2)
    text = f"{marker} one two three four"
    assert words(caller.say(f"echo: {text}", model, stream=streamed), streamed) == text


@STREAMED
def test_a_bad_key_is_refused(caller, someone, marker, streamed):
    with pytest.raises(openai.AuthenticationError) as refused:
        someone("sk-not-a-key-of-this-gateway").say(f"echo: {marker}", stream=streamed)
    assert refused.value.status_code == 401 and refused.value.body["message"]
