"""Streams that end badly: an error response while there is time, an exception frame after that."""

from __future__ import annotations

import time

import pytest

from tests.contract.turns import user

LATE = 12
"""Tokens before the failure."""


@pytest.fixture
def body(marker):
    return {"messages": [user(f"echo: {marker} " + " ".join(str(n) for n in range(60)))]}


@pytest.fixture
def interrupted(strict, model, body):
    return lambda: strict.ask("converse-stream", model, body)


@pytest.mark.parametrize("kind", ["cut_mid_stream", "malformed_json"])
def test_a_stream_that_breaks_off(provider, model, marker, interrupted, kind):
    # what LiteLLM has not read yet when a connection breaks is lost to it, so tokens come one by one
    provider.fail(model, "slow_chunks", seconds=0.02)
    provider.fail(model, kind, after_tokens=LATE)
    reply = interrupted()
    assert reply.exception.name in ("modelStreamErrorException", "internalServerException")
    assert reply.exception.payload["message"].strip()
    assert reply.frames[0].name == "messageStart"
    assert 0 < reply.deltas <= LATE
    assert not any(frame.name in ("messageStop", "metadata") for frame in reply.frames)
    provider.only(marker)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_error_inside_a_stream(provider, model, marker, interrupted, status):
    provider.fail(model, "error_event", after_tokens=LATE, status=status, message=f"Sorry {marker}")
    reply = interrupted()
    assert reply.exception.name in (
        "modelStreamErrorException",
        "internalServerException",
        "throttlingException",
        "serviceUnavailableException",
    )
    assert reply.deltas <= LATE
    assert reply.frames[-1].is_exception


def test_an_error_before_the_first_token_is_a_response(strict, provider, model, body):
    provider.fail(model, "status", status=503)
    assert strict.refused("converse-stream", model, body).status == 503


def test_a_connection_lost_before_the_first_token_is_a_response(strict, provider, model, body):
    provider.fail(model, "reset")
    assert strict.refused("converse-stream", model, body).status >= 424


def test_a_slow_stream_comes_as_it_goes(provider, model, http, variables, marker):
    """The first words arrive long before the last ones."""
    provider.fail(model, "slow_chunks", seconds=0.15)
    url = f"{variables['GATEWAY_BASE_URL']}/bedrock/model/{model}/converse-stream"
    headers = {"authorization": f"Bearer {variables['GATEWAY_API_KEY']}"}
    body = {"messages": [user(f"echo: {marker} one two three four five six")]}
    arrivals = []
    with http.stream("POST", url, json=body, headers=headers) as response:
        for _ in response.iter_raw():
            arrivals.append(time.monotonic())
    assert arrivals[-1] - arrivals[0] > 0.6
