"""However an answer is cut, into chunks and into bytes, the stream says what the response says."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from middleware.bedrock.response import converse_response
from middleware.bedrock.stream import ConverseEvents
from middleware.sse import EventParser

from .completions import chunks, completions
from .frames import read
from .transcript import reassembled

cuts = st.integers(0, 2**32).map(random.Random)


def played(streamed: list[dict[str, Any]]) -> bytes:
    events = ConverseEvents({})
    frames = [events.feed(json.dumps(chunk).encode()) for chunk in streamed]
    return b"".join(frames) + events.end(0)


@settings(max_examples=300, deadline=None)
@given(completion=completions(), cut=cuts)
def test_any_chunks_of_a_completion_say_what_it_says(completion, cut):
    response = converse_response({}, completion, 0)
    assert reassembled(read(played(chunks(completion, cut)))) == {
        "content": response["output"]["message"]["content"],
        "stopReason": response["stopReason"],
        "usage": response["usage"],
    }


@settings(max_examples=200, deadline=None)
@given(completion=completions(), cut=cuts, newline=st.sampled_from([b"\n", b"\r\n"]))
def test_any_pieces_of_the_bytes_give_the_same_events(completion, cut, newline):
    streamed = chunks(completion, cut)
    lines = [b"data: " + json.dumps(chunk).encode() for chunk in streamed]
    lines.insert(
        cut.randrange(len(lines)), b": a comment, as servers send to keep a connection open"
    )
    wire = b"".join(line + 2 * newline for line in [*lines, b"data: [DONE]"])
    events, parser, frames = ConverseEvents({}), EventParser(), b""
    while wire:
        size = cut.choice((1, 2, 7, 50, 400))
        piece, wire = wire[:size], wire[size:]
        frames += b"".join(events.feed(data) for data in parser.feed(piece))
    assert frames + events.end(0) == played(streamed)
