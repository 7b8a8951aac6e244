"""Anthropic's messages format, as InvokeModel carries it.

Reads the body into the same request as Converse and writes the message or its stream of events,
each wrapped by Bedrock into a ``chunk`` frame with base64 content.
"""

import base64
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

import orjson

from gateway_lib.simulator.conversation import (
    ChatRequest,
    Json,
    Media,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from gateway_lib.simulator.delivery import Last
from gateway_lib.simulator.engine import Performance
from gateway_lib.simulator.generation import Block, Broken, Usage
from gateway_lib.simulator.refusals import Refusal, invalid
from middleware.bedrock import eventstream

_KNOWN = frozenset(
    {
        "anthropic_version", "anthropic_beta", "max_tokens", "messages", "system", "temperature",
        "top_p", "top_k", "tools", "tool_choice", "stop_sequences", "thinking", "metadata",
    }
)  # fmt: skip
_STOP = {
    "content_filtered": "refusal",
    "guardrail_intervened": "end_turn",
    "malformed_model_output": "end_turn",
    "malformed_tool_use": "end_turn",
}


def anthropic_request(model: str, body: Any) -> ChatRequest:
    """Turn a messages body into the wire-independent request.

    Raises:
        Refusal: A required key is missing, an unknown one present, or a value wrong.
    """
    if not isinstance(body, dict):
        _bad("the body must be a JSON object")
    for key in body.keys() - _KNOWN:
        _bad(f"{key}: Extra inputs are not permitted")
    for key in ("anthropic_version", "max_tokens", "messages"):
        if key not in body:
            _bad(f"{key}: Field required")
    if not isinstance(body["max_tokens"], int) or body["max_tokens"] < 1:
        _bad("max_tokens: Input should be greater than or equal to 1")
    system, cached = _system(body.get("system"))
    tools = tuple(_tool(raw) for raw in body.get("tools") or ())
    choice = body.get("tool_choice") or {}
    if not body["messages"]:
        _bad("messages: at least one message is required")
    return ChatRequest(
        model=model,
        turns=tuple(_turn(raw, f"messages.{i}") for i, raw in enumerate(body["messages"])),
        system=system,
        tools=tools,
        tool_choice=_choice(choice),
        parallel_calls=not choice.get("disable_parallel_tool_use", False),
        max_tokens=body["max_tokens"],
        stop=tuple(body.get("stop_sequences") or ()),
        reasoning=(body.get("thinking") or {}).get("type") in {"enabled", "adaptive"},
        system_cache_point=cached,
    )


def message(performance: Performance) -> Json:
    """The whole answer."""
    plan = performance.plan
    return _envelope(performance) | {
        "content": [_block(block) for block in plan.blocks if block.tokens],
        "stop_reason": _STOP.get(plan.stop_reason, plan.stop_reason),
        "stop_sequence": plan.stop_sequence,
        "usage": _usage(plan.usage),
    }


async def frames(
    performance: Performance,
    broken: Callable[[], None],
    refused: Callable[[Refusal], tuple[str, bytes]],
) -> AsyncIterator[bytes]:
    """The frames of an InvokeModelWithResponseStream response."""
    plan = performance.plan
    current = -1
    first_byte_ms = 0
    try:
        async for piece in performance.pieces():
            if current < 0:
                first_byte_ms = performance.latency_ms
                yield _chunk(_start(performance))
            if piece.block != current:
                for event in _closing(plan.blocks, current):
                    yield event
                current = piece.block
                block = _block(plan.blocks[current], empty=True)
                yield _chunk(
                    {"type": "content_block_start", "index": current, "content_block": block}
                )
            yield _delta(current, _piece(plan.blocks[current], piece.token))
    except Refusal as refusal:
        broken()
        yield Last(eventstream.exception(*refused(refusal)))
        return
    except Broken:
        broken()
        yield Last(eventstream.event("chunk", b'{"bytes":"eyJ0eXBl'))
        return
    if current < 0:
        yield _chunk(_start(performance))
    for event in _closing(plan.blocks, current):
        yield event
    stop = _STOP.get(plan.stop_reason, plan.stop_reason)
    yield _chunk(
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": plan.stop_sequence},
            "usage": {"output_tokens": plan.usage.output},
        }
    )
    metrics = {
        "inputTokenCount": plan.usage.input - plan.usage.cache_read - plan.usage.cache_write,
        "outputTokenCount": plan.usage.output,
        "invocationLatency": performance.latency_ms,
        "firstByteLatency": first_byte_ms,
    }
    yield Last(_chunk({"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}))


def _system(raw: Any) -> tuple[str, bool]:
    if raw is None or isinstance(raw, str):
        return raw or "", False
    return "\n".join(block["text"] for block in raw), any("cache_control" in b for b in raw)


def _tool(raw: Any) -> Tool:
    match raw:
        case {"name": str(name), "input_schema": dict(schema)}:
            return Tool(name, raw.get("description") or "", schema)
    _bad("tools: name and input_schema are required")


def _choice(raw: Json) -> ToolChoice:
    match raw:
        case {} if not raw:
            return ToolChoice()
        case {"type": "auto" | "none" as mode}:
            return ToolChoice(mode)
        case {"type": "any"}:
            return ToolChoice("required")
        case {"type": "tool", "name": str(name)}:
            return ToolChoice("named", name)
    _bad("tool_choice: Input should be auto, any, tool or none")


def _turn(raw: Any, where: str) -> Turn:
    match raw:
        case {"role": "user" | "assistant" as role, "content": str(text)}:
            return Turn(role, text)
        case {"role": "user" | "assistant" as role, "content": list(content)}:
            pass
        case _:
            _bad(f"{where}: role and content are required")
    texts: list[str] = []
    media: list[Media] = []
    calls: list[ToolCall] = []
    results: list[ToolResult] = []
    for index, block in enumerate(content):
        match block:
            case {"type": "text", "text": str(text)}:
                texts.append(text)
            case {"type": "image" | "document" as kind, "source": {"data": str(data)} as source}:
                form = str(source.get("media_type", "")).rpartition("/")[2]
                plain = source.get("type") == "text"
                media.append(Media.of(kind, form, data.encode() if plain else _decoded(data)))
            case {"type": "tool_use", "id": str(id), "name": str(name), "input": dict(arguments)}:
                calls.append(ToolCall(id, name, arguments))
            case {"type": "tool_result", "tool_use_id": str(id)}:
                inner = block.get("content") or ""
                text = inner if isinstance(inner, str) else _joined(inner)
                results.append(ToolResult(id, text, bool(block.get("is_error"))))
            case {"type": "thinking" | "redacted_thinking"}:
                pass
            case _:
                _bad(f"{where}.content.{index}: this content block is not understood")
    cached = any("cache_control" in block for block in content)
    return Turn(role, "\n".join(texts), tuple(media), tuple(calls), tuple(results), cached)


def _joined(parts: list[Json]) -> str:
    return "\n".join(part.get("text", "") for part in parts)


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        _bad("messages: the attachment is not valid base64")


def _envelope(performance: Performance) -> Json:
    return {
        "id": f"msg_bdrk_{performance.plan.id}",
        "type": "message",
        "role": "assistant",
        "model": performance.entry.model,
    }


def _start(performance: Performance) -> Json:
    opening = _usage(performance.plan.usage) | {"output_tokens": 1}
    empty: Json = {"content": [], "stop_reason": None, "stop_sequence": None, "usage": opening}
    return {"type": "message_start", "message": _envelope(performance) | empty}


def _block(block: Block, *, empty: bool = False) -> Json:
    if block.call is not None:
        call = block.call
        arguments = {} if empty else call.arguments
        return {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments}
    text = "" if empty else block.text
    if block.kind == "reasoning":
        signature = "" if empty else block.signature
        return {"type": "thinking", "thinking": text, "signature": signature}
    return {"type": "text", "text": text}


def _piece(block: Block, token: str) -> Json:
    if block.kind == "tool":
        return {"type": "input_json_delta", "partial_json": token}
    if block.kind == "reasoning":
        return {"type": "thinking_delta", "thinking": token}
    return {"type": "text_delta", "text": token}


def _closing(blocks: tuple[Block, ...], index: int) -> list[bytes]:
    if index < 0:
        return []
    end = [_chunk({"type": "content_block_stop", "index": index})]
    if blocks[index].kind == "reasoning":
        signature = {"type": "signature_delta", "signature": blocks[index].signature}
        end.insert(0, _delta(index, signature))
    return end


def _delta(index: int, delta: Json) -> bytes:
    return _chunk({"type": "content_block_delta", "index": index, "delta": delta})


def _chunk(event: Json) -> bytes:
    inner = base64.b64encode(orjson.dumps(event)).decode()
    return eventstream.event("chunk", orjson.dumps({"bytes": inner}))


def _usage(used: Usage) -> Json:
    return {
        "input_tokens": used.input - used.cache_read - used.cache_write,
        "cache_creation_input_tokens": used.cache_write,
        "cache_read_input_tokens": used.cache_read,
        "output_tokens": used.output,
    }


def _bad(message: str) -> NoReturn:
    raise invalid(f"Malformed input request: {message}, please reformat your input and try again.")
