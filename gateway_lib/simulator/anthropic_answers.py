"""Anthropic answers: the message, and its events in Bedrock's ``chunk`` frames."""

import base64
from collections.abc import AsyncIterator, Callable

import orjson

from gateway_lib.simulator.conversation import Json
from gateway_lib.simulator.delivery import Last
from gateway_lib.simulator.engine import Performance
from gateway_lib.simulator.generation import Block, Broken, Usage
from gateway_lib.simulator.refusals import Refusal
from middleware.bedrock import eventstream

_STOP = {
    "content_filtered": "refusal",
    "guardrail_intervened": "end_turn",
    "malformed_model_output": "end_turn",
    "malformed_tool_use": "end_turn",
}


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
