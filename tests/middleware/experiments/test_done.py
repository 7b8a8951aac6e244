"""A client may close the connection upon the last event, as OpenAI's does: its answer was whole."""

from __future__ import annotations

import time

import pytest

from middleware.experiments.observer import CALLER_LEFT, Observer
from middleware.experiments.trial import Heard

CHUNK = b'data: {"choices": [{"delta": {"content": "hello"}}]}\n\n'
DONE = b"data: [DONE]\n\n"


async def observed(*pieces: bytes) -> Observer:
    sent = []

    async def send(message) -> None:
        sent.append(message)

    observer = Observer(send, Heard(), began=time.perf_counter(), hides_usage=False)
    headers = [(b"content-type", b"text/event-stream")]
    await observer({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in pieces:
        await observer({"type": "http.response.body", "body": piece, "more_body": True})
    assert b"".join(message["body"] for message in sent[1:]) == b"".join(pieces)
    return observer


@pytest.mark.parametrize(("pieces", "status"), [((CHUNK, DONE), 200), ((CHUNK,), CALLER_LEFT)])
async def test_who_leaves_upon_the_last_event_has_been_served(pieces, status):
    outcome = (await observed(*pieces)).outcome(1, CALLER_LEFT)
    assert outcome.status == status and not outcome.failed
    assert (outcome.latency_ms is not None) == (status == 200)
    assert outcome.ttft_ms is not None
