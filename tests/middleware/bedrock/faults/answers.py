"""Answers as LiteLLM gives them."""

from __future__ import annotations

import json
from typing import Any

TEXT = {"role": "assistant", "content": "Fine, thank you.", "tool_calls": None}
CALL = {
    "id": "call_9",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Bonn"}'},
}
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 2}}
_UNITS = ("topicPolicy", "contentPolicy", "wordPolicy", "sensitiveInformationPolicy")
_UNITS += ("sensitiveInformationPolicyFree", "contextualGroundingPolicy")
GUARDED = json.dumps(
    {
        "usage": {f"{name}Units": 0 for name in _UNITS},
        "action": "NONE",
        "outputs": [],
        "assessments": [],
    }
).encode()
DONE = b"data: [DONE]\n\n"
CUT = object()


def completion(message: Any = None, finish: Any = "stop", **members: Any) -> bytes:
    choice = {"index": 0, "message": message or TEXT, "finish_reason": finish}
    return json.dumps({"id": "c", "choices": [choice], "usage": USAGE, **members}).encode()


def event(delta: Any = None, finish: Any = None, **members: Any) -> bytes:
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "choices": [choice], **members}).encode() + b"\n\n"


def message(**members: Any) -> bytes:
    """In the form of Anthropic's messages API."""
    body = {
        "type": "message",
        "content": [{"type": "text", "text": "Fine"}],
        "stop_reason": "end_turn",
    }
    return json.dumps(
        {**body, "usage": {"input_tokens": 3, "output_tokens": 2}, **members}
    ).encode()


def messages_event(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


STREAM = [
    event({"role": "assistant", "content": "Fi"}),
    event({"content": "ne"}),
    event({}, "stop"),
]
MESSAGES_STREAM = [
    messages_event("message_start", message={"usage": {"input_tokens": 3, "output_tokens": 1}}),
    messages_event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Fine"}),
    messages_event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2}),
    messages_event("message_stop"),
]
