"""A stream on its way through, however it is cut into pieces."""

from __future__ import annotations

import itertools
import json

import orjson
from hypothesis import given
from hypothesis import strategies as st

from middleware.chat.answer import Answer
from middleware.chat.relay import Relay

SESSION = "5f0c6f0e-7a54-4f6e-9d2b-1c1f0a5b7e11"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 0.5}


def chunk(delta=None, finish=None, index=0, **more):
    choice = {"index": index, "delta": delta or {}, **({"finish_reason": finish} if finish else {})}
    return {"id": "c", "model": "m", "choices": [choice], **more}


def stream(*chunks, done=True) -> bytes:
    events = b"".join(b"data: " + orjson.dumps(one) + b"\n\n" for one in chunks)
    return events + (b"data: [DONE]\n\n" if done else b"")


WORDS = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "one "}),
    chunk({"content": "two"}),
]
WHOLE = stream(*WORDS, chunk(finish="stop"), chunk(usage=USAGE))


def cut(data: bytes, places) -> list[bytes]:
    edges = [0, *sorted(place % len(data) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a != b]


def events(data: bytes) -> list:
    assert data.endswith(b"\n\n")
    return [
        event if event == b"[DONE]" else json.loads(event)
        for event in (line.removeprefix(b"data: ") for line in data.split(b"\n\n")[:-1])
    ]


@given(places=st.lists(st.integers(0, 10_000), max_size=12), hides=st.booleans())
def test_however_it_is_cut_the_caller_gets_the_same_and_the_end_waits(places, hides):
    relay = Relay(SESSION, 1, hides_usage=hides)
    sent = b"".join(relay.feed(piece) for piece in cut(WHOLE, places))
    assert b"finish_reason" not in sent and b"[DONE]" not in sent
    got = events(sent + relay.rest())
    first = {"session_id": SESSION, **WORDS[0]}
    usage = [] if hides else [chunk(usage=USAGE)]
    assert got == [first, *WORDS[1:], chunk(finish="stop"), *usage, b"[DONE]"]
    assert relay.is_complete and relay.answer.cost == 0.5
    assert relay.answer.message() == {"role": "assistant", "content": "one two"}


def test_whole_events_are_passed_on_at_once():
    relay = Relay(SESSION, 1, hides_usage=True)
    assert b"one " in relay.feed(stream(WORDS[1], done=False))
    assert relay.feed(stream(WORDS[2], done=False)) == stream(WORDS[2], done=False)


def test_of_several_answers_the_first_is_kept_and_all_may_finish():
    relay = Relay(SESSION, 2, hides_usage=False)
    pieces = [
        chunk({"content": "a"}),
        chunk({"content": "b"}, index=1),
        chunk(finish="stop", index=1),
    ]
    for piece in pieces:
        assert relay.feed(stream(piece, done=False))
    assert not relay.is_complete
    relay.feed(stream(chunk({"content": "c"}), done=False))
    assert relay.feed(stream(chunk(finish="stop"))) == b""
    assert relay.is_complete and relay.answer.message()["content"] == "ac"


def test_an_error_in_the_stream_is_no_complete_answer_and_reaches_the_caller():
    relay = Relay(SESSION, 1, hides_usage=True)
    data = stream(WORDS[1], {"error": {"message": "no", "code": "500"}})
    sent = relay.feed(data) + relay.rest()
    assert not relay.is_complete and b'"message":"no"' in sent


@given(st.binary(max_size=80))
def test_whatever_is_no_completion_passes(data):
    relay = Relay(SESSION, 1, hides_usage=True)
    piece = b"data: " + data.replace(b"\n", b"") + b"\n\n"
    sent = relay.feed(piece) + relay.rest()
    assert sent.replace(b'"session_id":"%s",' % SESSION.encode(), b"") == piece


def test_a_streamed_answer_equals_the_whole_one():
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    thought = {"type": "thinking", "thinking": "hm so", "signature": "c2ln"}
    message = {"content": "ok", "tool_calls": [call], "thinking_blocks": [thought]}
    whole = Answer.of(
        {"choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]}
    )
    streamed = Answer()
    begun = {**call, "index": 0, "function": {"name": "f", "arguments": '{"a"'}}
    for delta in (
        {"thinking_blocks": [{"type": "thinking", "thinking": "hm "}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "so"}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "c2ln"}]},
        {"content": "ok"},
        {"tool_calls": [begun]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]},
    ):
        streamed.add(chunk(delta))
    streamed.add(chunk(finish="tool_calls"))
    assert streamed.message() == whole.message()


def test_an_empty_answer_is_one_and_nothing_is_none():
    assert Answer().message() is None
    assert Answer.of(None).message() is None
    empty = Answer.of({"choices": [{"finish_reason": "stop", "message": {"content": ""}}]})
    assert empty.message() == {"role": "assistant", "content": ""}
