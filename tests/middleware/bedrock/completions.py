"""Chat completions drawn at random, cut into chunks at random."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import strategies as st

from .conversations import blobs, encoded, identifiers, names, objects

Delta = dict[str, Any]
counts = st.integers(0, 1000)
usages = st.builds(
    lambda prompt, made, read, written: {
        "prompt_tokens": prompt + read + written,
        "completion_tokens": made,
        "total_tokens": prompt + read + written + made,
        "prompt_tokens_details": {"cached_tokens": read},
        "cache_creation_input_tokens": written,
    },
    counts,
    counts,
    counts,
    counts,
)
sealed = st.builds(
    lambda text, seal: {"type": "thinking", "thinking": text, "signature": seal},
    st.text(min_size=1, max_size=30),
    st.text(min_size=1, max_size=20),
) | st.builds(lambda data: {"type": "redacted_thinking", "data": encoded(data)}, blobs)
# without a signature nothing tells two blocks of a stream apart, so only the last may have none
unsealed = st.builds(
    lambda text: {"type": "thinking", "thinking": text}, st.text(min_size=1, max_size=30)
)


@st.composite
def completions(draw) -> dict[str, Any]:
    """The body of a chat completion."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": draw(st.none() | st.text(max_size=60)),
    }
    match draw(st.sampled_from(["none", "blocks", "text"])):
        case "blocks":
            blocks = draw(st.lists(sealed, max_size=3)) + draw(st.lists(unsealed, max_size=1))
            message["thinking_blocks"] = blocks
            message["reasoning_content"] = "".join(b.get("thinking", "") for b in blocks) or None
        case "text":
            message["reasoning_content"] = draw(st.text(min_size=1, max_size=30))
    calls = draw(st.lists(st.tuples(identifiers, names, objects), max_size=3))
    if calls:
        message["tool_calls"] = [
            {
                "id": identifier,
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(value)},
            }
            for identifier, name, value in calls
        ]
    finish = draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"]))
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": draw(usages),
    }


def chunks(completion: dict[str, Any], cut: random.Random) -> list[dict[str, Any]]:
    """The same answer as a stream of chunks, in LiteLLM's form."""
    (choice,) = completion["choices"]
    deltas = [{"role": "assistant", "content": ""}, *_deltas(choice["message"], cut)]
    streamed = [_chunk(completion, delta) for delta in _merged(deltas, cut)]
    streamed.append(_chunk(completion, {}, choice["finish_reason"]))
    streamed.append({**_chunk(completion, {}), "usage": completion["usage"]})
    return streamed


def _chunk(completion: dict[str, Any], delta: Delta, finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": completion["id"],
        "object": "chat.completion.chunk",
        "model": "m",
        "choices": [choice],
    }


def _deltas(message: dict[str, Any], cut: random.Random) -> list[Delta]:
    deltas: list[Delta] = []
    for block in message.get("thinking_blocks") or ():
        for piece in _pieces(block.get("thinking", ""), cut):
            shown = {"type": "thinking", "thinking": piece, "signature": ""}
            deltas.append({"reasoning_content": piece, "thinking_blocks": [shown]})
        if seal := block.get("signature"):
            shown = {"type": "thinking", "thinking": "", "signature": seal}
            deltas.append({"reasoning_content": "", "thinking_blocks": [shown]})
        if block["type"] == "redacted_thinking":
            deltas.append({"thinking_blocks": [block]})
    if "thinking_blocks" not in message:
        thoughts = message.get("reasoning_content") or ""
        deltas += [{"reasoning_content": piece} for piece in _pieces(thoughts, cut)]
    deltas += [{"content": piece} for piece in _pieces(message["content"] or "", cut)]
    for index, call in enumerate(message.get("tool_calls") or ()):
        deltas += [{"tool_calls": [part]} for part in _call(index, call, cut)]
    return deltas


def _call(index: int, call: dict[str, Any], cut: random.Random) -> list[dict[str, Any]]:
    name, arguments = call["function"]["name"], call["function"]["arguments"]
    first, *rest = ["", *_pieces(arguments, cut)] if cut.random() < 0.7 else [arguments]
    head = {**call, "index": index, "function": {"name": name, "arguments": first}}
    return [head, *({"index": index, "function": {"arguments": piece}} for piece in rest)]


def _pieces(text: str, cut: random.Random) -> list[str]:
    pieces = []
    while text:
        size = cut.randint(1, 8)
        pieces.append(text[:size])
        text = text[size:]
    return pieces


def _merged(deltas: list[Delta], cut: random.Random) -> list[Delta]:
    """Some neighbours in one chunk, as providers send that answer in bursts."""
    merged: list[Delta] = []
    for delta in deltas:
        last = merged[-1] if merged else None
        if last and not set(last) & set(delta) and _in_order(last, delta) and cut.random() < 0.3:
            last |= delta
        elif last and set(last) == set(delta) == {"tool_calls"} and cut.random() < 0.3:
            last["tool_calls"] = last["tool_calls"] + delta["tool_calls"]
        else:
            merged.append(dict(delta))
    return merged


def _in_order(last: Delta, delta: Delta) -> bool:
    """Within one chunk thoughts come before text, and text before calls."""
    kinds = ["thinking_blocks", "reasoning_content", "content", "tool_calls"]
    latest = max((kinds.index(name) for name in last if name in kinds), default=0)
    return all(kinds.index(name) > latest for name in delta if name in kinds)
