"""Anthropic's messages as InvokeModel carries them: a client that checks the streamed events' order."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import httpx

from tests.contract.frames import MEDIA_TYPE, Frame, decoded

DELTAS = {
    "text": {"text_delta"},
    "tool_use": {"input_json_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
}
STOPS = {"end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"}


@dataclass(frozen=True, slots=True)
class Events:
    """A streamed message put together, and what came with its end."""

    message: dict[str, Any]
    metrics: dict[str, int]
    exception: Frame | None


def body(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A request; 500 tokens unless told."""
    base = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500}
    return {**base, "messages": list(messages), **more}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def checked(message: dict[str, Any]) -> dict[str, Any]:
    """A message, if it is one."""
    assert (message["type"], message["role"]) == ("message", "assistant"), message
    assert message["id"], message
    assert message["stop_reason"] in STOPS, message
    assert all(block["type"] in DELTAS for block in message["content"]), message
    usage = message["usage"]
    assert isinstance(usage["input_tokens"], int), usage
    assert isinstance(usage["output_tokens"], int), usage
    return message


def streamed(response: httpx.Response) -> Events:
    """The events of a response, if each is valid and they come in Anthropic's order."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    frames, wrong = decoded(response.content, "InvokeModelWithResponseStream")
    assert not wrong, wrong
    exception = frames.pop() if frames[-1].is_exception else None
    assert not any(frame.is_exception for frame in frames)
    events = [json.loads(base64.b64decode(frame.payload["bytes"])) for frame in frames]
    if exception:
        return Events({}, {}, exception)
    first, *middle, change, last = [event for event in events if event["type"] != "ping"]
    assert [e["type"] for e in (first, change, last)] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]
    message = {**first["message"], "content": _blocks(middle), **change["delta"]}
    message["usage"] = {**message["usage"], **change["usage"]}
    return Events(checked(message), last["amazon-bedrock-invocationMetrics"], None)


def _blocks(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    texts: list[str] = []
    is_open = False
    for event in events:
        assert event["index"] == len(blocks) - (1 if is_open else 0), event
        match event["type"]:
            case "content_block_start":
                assert not is_open, event
                blocks.append(event["content_block"])
                texts, is_open = [], True
            case "content_block_delta":
                assert is_open, event
                delta = event["delta"]
                assert delta["type"] in DELTAS[blocks[-1]["type"]], event
                texts += [
                    delta.get("text") or delta.get("partial_json") or delta.get("thinking") or ""
                ]
            case "content_block_stop":
                assert is_open, event
                _complete(blocks[-1], "".join(texts))
                is_open = False
            case kind:
                raise AssertionError(f"{kind} among the blocks")
    assert not is_open
    return blocks


def _complete(block: dict[str, Any], told: str) -> None:
    if block["type"] == "tool_use":
        block["input"] = json.loads(told or "{}")
    else:
        block[block["type"]] = told
