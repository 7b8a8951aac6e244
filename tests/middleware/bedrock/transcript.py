"""A ConverseStream put together again, as strict about the order of its events as AWS is."""

from __future__ import annotations

import json
from typing import Any

from .frames import Frame

_STARTED = {"toolUse"}


def reassembled(frames: list[Frame]) -> dict[str, Any]:
    """Content, stop reason and usage of a whole stream, as the synchronous response gives them."""
    first, *between, stop, metadata = frames
    assert all(frame.kind == "event" for frame in frames)
    assert (first.name, first.body) == ("messageStart", {"role": "assistant"})
    assert (stop.name, metadata.name) == ("messageStop", "metadata")
    content: list[dict[str, Any]] = []
    block: list[dict[str, Any]] | None = None
    start: dict[str, Any] = {}
    for frame in between:
        index = frame.body["contentBlockIndex"]
        assert index == len(content), "blocks interleave, or an index is left out"
        match frame.name:
            case "contentBlockStart":
                assert block is None, "a block starts within a block"
                block, start = [], frame.body["start"]
                assert set(start) == _STARTED, "only tool uses have a start"
            case "contentBlockDelta":
                (kind,) = frame.body["delta"]
                if block is None:
                    assert kind not in _STARTED, "a tool use without its start"
                    block, start = [], {}
                assert all(set(delta) == {kind} for delta in block), "two kinds in one block"
                block.append(frame.body["delta"])
            case "contentBlockStop":
                assert block is not None, "a block stops that is not open"
                content.append(_block(start, block))
                block = None
            case other:
                raise AssertionError(f"{other} between messageStart and messageStop")
    assert block is None, "the last block is open"
    return {
        "content": content,
        "stopReason": stop.body["stopReason"],
        "usage": metadata.body["usage"],
    }


def _block(start: dict[str, Any], deltas: list[dict[str, Any]]) -> dict[str, Any]:
    if start:
        text = "".join(delta["toolUse"]["input"] for delta in deltas)
        return {"toolUse": {**start["toolUse"], "input": json.loads(text or "{}")}}
    assert deltas, "a block without a delta"
    if "text" in deltas[0]:
        return {"text": "".join(delta["text"] for delta in deltas)}
    parts = [delta["reasoningContent"] for delta in deltas]
    if "redactedContent" in parts[0]:
        (part,) = parts
        return {"reasoningContent": part}
    text = {"text": "".join(part.get("text", "") for part in parts)}
    signatures = [part["signature"] for part in parts if "signature" in part]
    assert len(signatures) <= 1
    return {
        "reasoningContent": {
            "reasoningText": {**text, **({"signature": signatures[0]} if signatures else {})}
        }
    }
