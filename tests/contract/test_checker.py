"""The strict client's own eyes: each violation it is there for is seen."""

from __future__ import annotations

import json

import pytest

from middleware.bedrock import eventstream
from tests.contract.frames import Frame, decoded
from tests.contract.shapes import error_violations, event_violations, response_violations
from tests.contract.transcript import Transcript

ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    "metrics": {"latencyMs": 5},
}
START = Frame("messageStart", {"role": "assistant"})
STOP = Frame("messageStop", {"stopReason": "end_turn"})
METADATA = Frame("metadata", {"usage": ANSWER["usage"], "metrics": {"latencyMs": 5}})


def _with(**changes):
    return {**ANSWER, **changes}


def _said(*content):
    return _with(output={"message": {"role": "assistant", "content": list(content)}})


def test_a_valid_answer_is_valid():
    assert response_violations("Converse", ANSWER) == []


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (_with(id="x"), "unknown member 'id'"),
        (_with(trace=None), "null"),
        ({k: v for k, v in ANSWER.items() if k != "metrics"}, "no metrics"),
        (_with(stopReason="stop"), "none of end_turn"),
        (_with(usage={"inputTokens": -1, "outputTokens": 1, "totalTokens": 0}), "at least 0"),
        (_with(usage={"inputTokens": 1.0, "outputTokens": 1, "totalTokens": 2}), "not a integer"),
        (_with(metrics={"latencyMs": True}), "not a number"),
        (_said({"text": "Hi", "image": {}}), "a union with 2 members"),
        (_said({}), "a union with 0 members"),
        (_said({"toolUse": {"toolUseId": "a b", "name": "t", "input": {}}}), "does not match"),
        (_said({"toolUse": {"toolUseId": "a", "name": "t" * 65, "input": {}}}), "at most 64"),
        (_said({"reasoningContent": {"redactedContent": "no base64!"}}), "not base64"),
        (_said("Hello"), "not an object"),
        ([], "not an object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_a_body_is_seen(body, complaint):
    assert any(complaint in line for line in response_violations("Converse", body))


def test_documents_may_hold_anything():
    use = {"toolUseId": "a", "name": "t", "input": {"a": [None, 1.5, {"b": True}]}}
    assert response_violations("Converse", _said({"toolUse": use})) == []


def test_exceptions_have_their_status():
    assert error_violations("Converse", "ThrottlingException", 429) == []
    assert error_violations("Converse", "ThrottlingException", 500)
    assert error_violations("Converse", "OverloadedException", 529)


def test_events_are_checked():
    assert event_violations("ConverseStream", "messageStart", {"role": "assistant"}) == []
    assert event_violations(
        "ConverseStream", "contentBlockStart", {"start": {}, "contentBlockIndex": 0}
    )
    assert event_violations("ConverseStream", "ping", {})


def _bytes(frame: Frame) -> bytes:
    return eventstream.event(frame.name, json.dumps(frame.payload).encode())


def test_broken_framing_is_seen():
    whole = _bytes(START)
    assert decoded(whole, "ConverseStream") == ([START], [])
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    for body in (flipped, whole[:-3], whole + b"\0\0"):
        assert decoded(body, "ConverseStream")[1]
    headers = {":message-type": "event", ":event-type": "messageStart"}
    bare = eventstream.encode(headers, b'{"role": "assistant"}')
    assert any(":content-type" in line for line in decoded(bare, "ConverseStream")[1])


def _block(index, *kinds):
    payloads = {
        "start": ("contentBlockStart", {"start": {"toolUse": {"toolUseId": "a", "name": "t"}}}),
        "input": ("contentBlockDelta", {"delta": {"toolUse": {"input": "{}"}}}),
        "text": ("contentBlockDelta", {"delta": {"text": "Hello"}}),
        "stop": ("contentBlockStop", {}),
    }
    return [
        Frame(name, payload | {"contentBlockIndex": index})
        for name, payload in map(payloads.get, kinds)
    ]


def test_a_valid_stream_is_put_together():
    blocks = [*_block(0, "text", "text", "stop"), *_block(1, "start", "input", "stop")]
    transcript = Transcript.of([START, *blocks, STOP, METADATA])
    assert transcript.wrong == []
    use = {"toolUseId": "a", "name": "t", "input": {}}
    assert transcript.content == [{"text": "HelloHello"}, {"toolUse": use}]


@pytest.mark.parametrize(
    ("frames", "complaint"),
    [
        ([START, *_block(0, "text", "stop"), STOP], "ends without metadata"),
        ([*_block(0, "text", "stop"), STOP, METADATA], "before messageStart"),
        ([START, START, STOP, METADATA], "a second one"),
        ([START, *_block(1, "text", "stop"), STOP, METADATA], "index 1, expected 0"),
        ([START, *_block(0, "text"), *_block(1, "text"), STOP, METADATA], "while block 0 is open"),
        ([START, *_block(0, "text"), STOP, METADATA], "in an open block"),
        ([START, *_block(0, "stop"), STOP, METADATA], "not open"),
        ([START, *_block(0, "start", "stop"), STOP, METADATA], "without deltas"),
        ([START, *_block(0, "input", "stop"), STOP, METADATA], "without contentBlockStart"),
        ([START, *_block(0, "start", "text", "stop"), STOP, METADATA], "in a block of toolUse"),
        ([START, STOP, *_block(0, "text", "stop"), METADATA], "after messageStop"),
        ([START, METADATA], "before messageStop"),
        ([START, STOP, METADATA, METADATA], "after the end"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_disorder_is_seen(frames, complaint):
    assert any(complaint in line for line in Transcript.of(frames).wrong)
