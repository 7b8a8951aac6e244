"""What is read without being decoded says what decoding it says, to the byte."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from middleware.bedrock.errors import ModelErrorException
from middleware.bedrock.stream import ConverseEvents
from middleware.bedrock.tokens import Tokens


def chunk(said: Any = "", finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": said}, "finish_reason": finish}
    return {"id": "c1", "model": "m", "choices": [choice], **more}


def decoding() -> ConverseEvents:
    """Events of which every chunk is decoded."""
    events = ConverseEvents({})
    events._tokens._tries = 0
    return events


def played(events: ConverseEvents, streamed: list[bytes]) -> tuple[list[bytes], str]:
    """The frames for each chunk, and the error that there was."""
    frames = []
    try:
        for data in streamed:
            frames.append(events.feed(data))
        frames.append(events.end(0))
    except ModelErrorException as error:
        return frames, error.message
    return frames, ""


texts = st.one_of(
    st.text(max_size=12),
    st.text("ab \"\\/{}[]:,'\n\t\x00\x7fé漢😀\u2028\ufffd", max_size=6),
    st.sampled_from(["", '"', '","content":"x', "}]}", '"content":', "content"]),
)
plain = texts.map(chunk)
others = st.one_of(
    st.builds(chunk, texts, finish=st.sampled_from(["stop", None])),
    st.builds(chunk, texts, usage=st.just({"prompt_tokens": 1, "completion_tokens": 2})),
    st.builds(chunk, texts, obfuscation=texts),
    st.builds(chunk, texts, extra=st.builds(dict, content=texts)),
    st.builds(lambda said: {"content": said, **chunk(said)}, texts),
    st.just({"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]}),
    st.just({"choices": [{"index": 0, "delta": {"role": "assistant", "content": "x"}}]}),
    st.just({"choices": [{"delta": {"content": "a"}}, {"delta": {"content": "b"}}]}),
    st.just({"choices": []}),
    st.just(chunk(7)),
)


@settings(max_examples=500, deadline=None)
@given(streamed=st.lists(st.one_of(plain, plain, plain, others), min_size=3, max_size=12))
def test_any_stream_says_what_its_decoded_chunks_say(streamed):
    data = [orjson.dumps(each) for each in (*streamed, chunk(finish="stop"))]
    assert played(ConverseEvents({}), data) == played(decoding(), data)


@settings(max_examples=500, deadline=None)
@given(
    said=st.lists(texts, min_size=3, max_size=5),
    place=st.integers(0, 200),
    byte=st.binary(min_size=1, max_size=2),
    removed=st.integers(0, 3),
)
def test_a_damaged_chunk_is_as_good_as_it_is_when_it_is_decoded(said, place, byte, removed):
    *data, last = [orjson.dumps(chunk(each)) for each in said]
    place %= len(last)
    data.append(last[:place] + byte + last[place + removed :])
    assert played(ConverseEvents({}), data) == played(decoding(), data)


@pytest.mark.parametrize(
    "data", [b'{"choices":[{"delta":{"content":"%b"}}]}', orjson.dumps(chunk("%b"))]
)
def test_chunks_that_differ_in_their_text_are_decoded_once(data, monkeypatch):
    events = ConverseEvents({})
    events.feed(data % b"a")
    monkeypatch.setattr("middleware.bedrock.stream.orjson", None)
    assert b'{"delta":{"text":"\xc3\xa9 b"},"contentBlockIndex":0}' in events.feed(
        data % "é b".encode()
    )


@pytest.mark.parametrize(
    "learned",
    [
        b'{"choices":[{"delta":{"content":"a"}}],"x":{"content":"a"}}',
        b'{"x":{"content":"a"},"choices":[{"delta":{"c\\u006fntent":"a"}}]}',
        b'{"choices":[{"delta":{"content": "a"}}]}',
        b'{"choices":[{"delta":{"content":"a","role":"assistant"}}]}',
        b'{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}',
        b'{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}',
        b'{"choices":[{"delta":{"content":"a"}},{"delta":{}}]}',
        b'{"choices":[{"delta":{}}],"content":"a"}',
        b'{"choices":[]}',
    ],
)
def test_nothing_is_learned_from_a_chunk_that_may_say_something_else(learned):
    tokens = Tokens()
    tokens.learn(learned, orjson.loads(learned))
    assert tokens.text(learned) is None


def test_a_stream_of_which_no_two_chunks_are_alike_is_soon_left_alone():
    tokens = Tokens()
    for number in range(4):
        each = chunk("a", obfuscation=str(number))
        tokens.learn(orjson.dumps(each), each)
    assert tokens.text(orjson.dumps(chunk("b", obfuscation="2"))) == b"b"
    assert tokens.text(orjson.dumps(chunk("b", obfuscation="3"))) is None
