"""ConverseStream's events from the chunks of a chat completion."""

from __future__ import annotations

from fnmatch import fnmatch

import orjson
import pytest

from middleware.bedrock import schema
from middleware.bedrock.errors import (
    BedrockError,
    InternalServerException,
    ModelErrorException,
    ServiceUnavailableException,
    ThrottlingException,
    ValidationException,
)
from middleware.bedrock.stream import ConverseEvents, exception
from middleware.sse import EventParser

from .frames import read
from .test_members import MEMBERS

USAGE = {"prompt_tokens": 7, "completion_tokens": 2}


def chunk(finish=None, usage=None, **delta) -> bytes:
    body: dict = {"id": "c1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    if usage:
        body |= {"choices": [], "usage": usage}
    return orjson.dumps(body)


def call(index, text, **first) -> dict:
    return {
        "index": index,
        "function": {"arguments": text, **first},
        **({"id": f"t{index}"} if first else {}),
    }


def played(*chunks: bytes, request=None, **last):
    events = ConverseEvents(request or {})
    data = b"".join(events.feed(each) for each in chunks)
    return read(data + events.end(12))


def names(frames) -> list[str]:
    return [frame.name for frame in frames]


TEXT = (
    chunk(role="assistant", content="Hel"),
    chunk(content="lo"),
    chunk("stop"),
    chunk(usage=USAGE),
)


def test_text_in_awss_order():
    frames = played(*TEXT)
    assert [(frame.name, frame.body) for frame in frames] == [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"delta": {"text": "Hel"}, "contentBlockIndex": 0}),
        ("contentBlockDelta", {"delta": {"text": "lo"}, "contentBlockIndex": 0}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
        (
            "metadata",
            {
                "usage": {"inputTokens": 7, "outputTokens": 2, "totalTokens": 9},
                "metrics": {"latencyMs": 12},
            },
        ),
    ]


TOOLS = (
    chunk(content="Let me see."),
    chunk(tool_calls=[call(0, "", name="a")]),
    chunk(tool_calls=[call(0, '{"x":')]),
    chunk(tool_calls=[call(0, "1}")]),
    chunk(tool_calls=[call(1, "{}", name="b")]),
    chunk("tool_calls"),
    chunk(usage=USAGE),
)


def test_tool_calls_are_blocks_of_their_own_with_a_start():
    frames = played(*TOOLS)
    assert names(frames) == [
        "messageStart",
        *("contentBlockDelta", "contentBlockStop"),
        *("contentBlockStart", "contentBlockDelta", "contentBlockDelta", "contentBlockStop"),
        *("contentBlockStart", "contentBlockDelta", "contentBlockStop"),
        *("messageStop", "metadata"),
    ]
    starts = [frame.body for frame in frames if frame.name == "contentBlockStart"]
    assert starts == [
        {"start": {"toolUse": {"toolUseId": "t0", "name": "a"}}, "contentBlockIndex": 1},
        {"start": {"toolUse": {"toolUseId": "t1", "name": "b"}}, "contentBlockIndex": 2},
    ]
    assert frames[-2].body == {"stopReason": "tool_use"}


THOUGHTS = (
    chunk(
        reasoning_content="h", thinking_blocks=[{"type": "thinking", "thinking": "h"}], content=""
    ),
    chunk(reasoning_content="m", thinking_blocks=[{"type": "thinking", "thinking": "m"}]),
    chunk(thinking_blocks=[{"type": "thinking", "thinking": "", "signature": "s"}]),
    chunk(thinking_blocks=[{"type": "redacted_thinking", "data": "aGk="}]),
    chunk(content="Yes."),
    chunk("stop"),
    chunk(usage=USAGE),
)


def test_reasoning_comes_once_and_its_signature_ends_its_block():
    frames = played(*THOUGHTS)
    deltas = [
        (frame.body["contentBlockIndex"], frame.body["delta"])
        for frame in frames
        if frame.name == "contentBlockDelta"
    ]
    assert deltas == [
        (0, {"reasoningContent": {"text": "h"}}),
        (0, {"reasoningContent": {"text": "m"}}),
        (0, {"reasoningContent": {"signature": "s"}}),
        (1, {"reasoningContent": {"redactedContent": "aGk="}}),
        (2, {"text": "Yes."}),
    ]


def test_reasoning_of_providers_without_blocks():
    frames = played(chunk(reasoning_content="hm"), *TEXT)
    assert frames[1].body == {"delta": {"reasoningContent": {"text": "hm"}}, "contentBlockIndex": 0}


def test_tool_calls_that_end_with_stop_are_still_tool_use():
    frames = played(chunk(tool_calls=[call(0, "{}", name="a")]), chunk("stop"), chunk(usage=USAGE))
    assert frames[-2].body == {"stopReason": "tool_use"}


def test_arguments_that_are_not_json_are_said_to_be_so():
    frames = played(
        chunk(tool_calls=[call(0, '{"x', name="a")]), chunk("tool_calls"), chunk(usage=USAGE)
    )
    assert frames[-2].body == {"stopReason": "malformed_tool_use"}


def test_interleaved_calls_are_an_error_rather_than_a_wrong_answer():
    with pytest.raises(ModelErrorException, match="interleaved"):
        played(
            chunk(tool_calls=[call(0, "{", name="a")]),
            chunk(tool_calls=[call(1, "{", name="b")]),
            chunk(tool_calls=[call(0, "}")]),
        )


def test_a_stream_without_an_end_is_not_taken_for_a_whole_answer():
    with pytest.raises(ModelErrorException, match="broke off"):
        played(*TEXT[:2])


@pytest.mark.parametrize("data", [b"{", b"[]", b"null"])
def test_what_is_no_chunk_is_an_error(data):
    with pytest.raises(ModelErrorException):
        played(data)


FAILURES = [
    ("429", ThrottlingException, "throttlingException"),
    ("400", ValidationException, "validationException"),
    ("503", ServiceUnavailableException, "serviceUnavailableException"),
    ("500", InternalServerException, "internalServerException"),
    ("502", ModelErrorException, "modelStreamErrorException"),
]


@pytest.mark.parametrize(("code", "kind", "event"), FAILURES)
def test_an_error_inside_the_stream_becomes_its_exception(code, kind, event):
    with pytest.raises(BedrockError) as caught:
        played(
            TEXT[0], orjson.dumps({"error": {"message": "litellm.APIError: no luck", "code": code}})
        )
    assert type(caught.value) is kind
    (frame,) = read(exception(caught.value))
    assert (frame.kind, frame.name) == ("exception", event) and frame.body["message"] == "no luck"


def test_pointers_tier_and_trace_are_answered_at_the_end():
    request = {
        "additionalModelResponseFieldPaths": ["/id"],
        "serviceTier": {"type": "flex"},
        "performanceConfig": {"latency": "standard"},
    }
    final = orjson.dumps(
        {"usage": USAGE, "service_tier": "flex", "trace": {"guardrail": {}, "promptRouter": {}}}
    )
    stop, metadata = played(*TEXT[:3], final, request=request)[-2:]
    assert stop.body["additionalModelResponseFields"] == {"id": "c1"}
    assert metadata.body["serviceTier"] == {"type": "flex"}
    assert metadata.body["trace"] == {"guardrail": {}, "promptRouter": {}}
    assert metadata.body["performanceConfig"] == {"latency": "standard"}


def test_every_event_member_that_the_docs_call_produced_is_produced():
    final = orjson.dumps(
        {"usage": USAGE, "trace": {"guardrail": {}, "promptRouter": {}}, "service_tier": "flex"}
    )
    asked = {
        "additionalModelResponseFieldPaths": ["/id"],
        "serviceTier": {"type": "flex"},
        "performanceConfig": {"latency": "standard"},
    }
    frames = played(*TEXT[:3], final, request=asked) + played(*TOOLS) + played(*THOUGHTS)
    frames += [frame for _, kind, _ in FAILURES for frame in read(exception(kind("x")))]
    seen = {"ConverseStreamResponse.stream"}
    stream = schema.service().operation_model("ConverseStream").output_shape.members["stream"]
    for frame in frames:
        seen.add(f"ConverseStreamOutput.{frame.name}")
        members_of(stream.members[frame.name], frame.body, seen)
    wanted = [case["member"] for case in MEMBERS["response"] if case.get("events")]
    unseen = [row for row in wanted if not any(fnmatch(name, row) for name in seen)]
    assert not unseen
    whole = {f"ConverseStreamOutput.{name}" for name in stream.members}
    assert whole <= seen


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_found_however_the_bytes_are_cut(size):
    text = (
        b": comment\n\ndata: a\n\nevent: x\r\ndata: b\r\ndata: c\r\n\r\ndata:d\n\ndata: unfinished"
    )
    parser = EventParser()
    found = [data for at in range(0, len(text), size) for data in parser.feed(text[at : at + size])]
    assert found == [b"a", b"b\nc", b"d"]


def members_of(shape, body, seen) -> None:
    if shape.type_name == "structure" and not shape.is_document_type:
        for name, value in body.items():
            assert name in shape.members, (shape.name, name)
            seen.add(f"{shape.name}.{name}")
            members_of(shape.members[name], value, seen)
    elif shape.type_name == "list":
        for value in body:
            members_of(shape.member, value, seen)
