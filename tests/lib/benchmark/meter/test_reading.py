import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_lib.benchmark.meter.answer_headers import server_timing, take
from gateway_lib.benchmark.meter.frames import Malformed, frames, read_converse_stream
from gateway_lib.benchmark.meter.reading import (
    Tokens,
    events,
    read_chat,
    read_chat_stream,
    read_converse,
    refusal_text,
)
from middleware.bedrock import eventstream
from tests.lib.benchmark.records.test_records import record


def chunk(delta=None, finish=None, **more):
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"model": "m-1", "choices": choices, **more}).encode() + b"\n\n"


USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 4,
    "prompt_tokens_details": {"cached_tokens": 3},
    "cost": 0.25,
}
STREAM = [
    chunk({"role": "assistant", "content": ""}, session_id="s-1"),
    chunk({"content": "Lis"}),
    b": a comment\n\n",
    chunk({"content": "bon"}),
    chunk({}, "stop"),
    chunk(usage=USAGE),
    b"data: [DONE]\n\n",
]

ERROR = b'data: {"error": {"message": "no more"}}\n\n'


def timed(pieces):
    return [(float(second), piece) for second, piece in enumerate(pieces)]


def test_a_streamed_completion():
    reading = read_chat_stream(timed(STREAM))
    assert (reading.text, reading.moments) == ("Lisbon", [1.0, 3.0])
    assert reading.usage == Tokens(9, 4, 3)
    assert (reading.cost_usd, reading.model, reading.session_id) == (0.25, "m-1", "s-1")
    assert (reading.finish_reason, reading.error_kind) == ("stop", None)
    assert reading.gaps_ms() == (2000, 2000)


@given(st.lists(st.integers(1, 900), max_size=12))
def test_where_the_bytes_are_cut_does_not_matter(cuts):
    whole = b"".join(STREAM)
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[a:b] for a, b in pairwise(places)]
    reading = read_chat_stream(timed(pieces))
    assert (reading.text, reading.usage, reading.error_kind) == ("Lisbon", Tokens(9, 4, 3), None)
    # an event has come when its last byte has
    ends = [len(b"".join(STREAM[: index + 1])) - 1 for index in (1, 3)]
    came = [next(i for i, b in enumerate(places[1:]) if b >= end) for end in ends]
    assert reading.moments == [float(i) for i in came]


@pytest.mark.parametrize(
    ("pieces", "kind", "told", "text"),
    [
        (STREAM[:4], "incomplete", "without a finish reason", "Lisbon"),
        ([], "incomplete", "without a finish reason", ""),
        ([*STREAM[:2], ERROR], "stream_error", "no more", "Lis"),
        ([*STREAM[:2], b'data: {"cho\n\n'], "malformed", "not JSON", "Lis"),
    ],
)
def test_a_stream_that_goes_wrong_keeps_what_came(pieces, kind, told, text):
    reading = read_chat_stream(timed(pieces))
    assert reading.error_kind == kind and told in reading.error
    assert reading.text == text


def test_reasoning_and_tool_calls_are_content_and_no_text():
    pieces = [
        chunk({"reasoning_content": "hm"}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}),
        chunk({"content": None}, "tool_calls"),
    ]
    reading = read_chat_stream(timed(pieces))
    assert (reading.moments, reading.text) == ([0.0, 1.0], "")


def test_events_without_a_last_line_end():
    assert list(events([(1.0, b"data: a\r\n\r\nda"), (2.0, b"ta: b")])) == [
        (1.0, b"a"),
        (2.0, b"b"),
    ]


def test_a_completion_in_one_piece():
    message = {"role": "assistant", "content": "Lisbon"}
    body = {
        "model": "m",
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": USAGE,
    }
    reading = read_chat([(4.0, json.dumps(body).encode())])
    assert (reading.text, reading.moments, reading.usage) == ("Lisbon", [4.0], Tokens(9, 4, 3))
    assert read_chat([(1.0, b"<html>")]).error_kind == "malformed"
    assert read_chat([(1.0, b"[]")]).error_kind == "malformed"
    assert read_chat([(1.0, b"{}")]).error_kind == "incomplete"


def frame(name, **document):
    return eventstream.event(name, json.dumps(document).encode())


CONVERSE = [
    frame("messageStart", role="assistant"),
    frame("contentBlockDelta", delta={"text": "Lis"}, contentBlockIndex=0),
    frame("contentBlockDelta", delta={"text": "bon"}, contentBlockIndex=0),
    frame("contentBlockStop", contentBlockIndex=0),
    frame("messageStop", stopReason="end_turn"),
    frame("metadata", usage={"inputTokens": 6, "outputTokens": 4, "cacheReadInputTokens": 3}),
]


@given(st.lists(st.integers(1, 700), max_size=12))
def test_a_converse_stream_however_it_is_cut(cuts):
    whole = b"".join(CONVERSE)
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[a:b] for a, b in pairwise(places)]
    reading = read_converse_stream(timed(pieces))
    assert (reading.text, reading.finish_reason) == ("Lisbon", "end_turn")
    assert (reading.usage, reading.error_kind) == (Tokens(9, 4, 3), None)
    ends = [len(b"".join(CONVERSE[: index + 1])) for index in (1, 2)]
    assert reading.moments == [
        float(next(i for i, b in enumerate(places[1:]) if b >= end)) for end in ends
    ]


def test_botocore_reads_the_same_frames():
    from botocore.eventstream import EventStreamBuffer

    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(CONVERSE))
    theirs = [(message.headers[":event-type"], message.payload) for message in buffer]
    ours = [(h[":event-type"], payload) for _, h, payload in frames([(0.0, b"".join(CONVERSE))])]
    assert ours == theirs


def test_a_converse_stream_that_goes_wrong():
    error = eventstream.exception("throttlingException", b'{"message": "slow down"}')
    reading = read_converse_stream(timed([*CONVERSE[:2], error]))
    assert reading.error_kind == "stream_error"
    assert reading.error == "throttlingException: slow down"
    assert read_converse_stream(timed(CONVERSE[:3])).error_kind == "incomplete"
    cut = b"".join(CONVERSE)[:-5]
    assert read_converse_stream([(0.0, cut)]).error_kind == "malformed"
    assert (
        read_converse_stream([(0.0, b"HTTP/1.1 200 OK, but no frames")]).error_kind == "malformed"
    )
    with pytest.raises(Malformed):
        list(frames([(0.0, b"\0\0\0\1\0\0\0\0\0\0\0\0")]))


def test_converse_in_one_piece():
    body = {
        "output": {"message": {"content": [{"reasoningContent": {}}, {"text": "Lisbon"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 5, "outputTokens": 2, "cacheWriteInputTokens": 7},
    }
    reading = read_converse([(4.0, json.dumps(body).encode())])
    assert (reading.text, reading.usage) == ("Lisbon", Tokens(12, 2, None))
    assert read_converse([(1.0, b"{}")]).error_kind == "incomplete"


def test_what_an_error_says():
    assert refusal_text(b'{"error": {"message": "too\\nmany"}}') == "too many"
    assert refusal_text(b'{"message": "no such model"}') == "no such model"
    assert refusal_text(b'{"error": "plain"}') == "plain"
    assert refusal_text(b"<h1>Bad gateway</h1>") == "<h1>Bad gateway</h1>"
    assert refusal_text(b"") == "no body"


def test_headers_tell_where_the_time_went():
    row = record()
    headers = {
        "x-litellm-call-id": "c",
        "x-litellm-response-duration-ms": "300.5",
        "x-litellm-overhead-duration-ms": "20.5",
        "x-litellm-attempted-retries": "1",
        "x-litellm-attempted-fallbacks": "None",
        "server-timing": "middleware;dur=0.5, litellm;dur=301.25",
    }
    take(row, headers)
    assert (row.middleware_ms, row.upstream_ms) == (0.5, 301.25)
    assert (row.litellm_ms, row.provider_ms) == (20.5, 280.0)
    assert (row.retries, row.fallbacks, row.cache_hit) == (1, None, False)
    take(row, {**headers, "x-litellm-cache-key": "k"})
    assert row.cache_hit is True
    assert server_timing('cdn;desc="a", x;dur=nan, y;dur=2;desc=z') == {"y": 2.0}
