"""Converse answers: the message, the event stream and the traces in Bedrock's shapes.

The order of events is AWS's: messageStart, per block contentBlockStart (tool uses only),
contentBlockDelta and contentBlockStop, then messageStop and exactly one metadata.
"""

from collections.abc import AsyncIterator, Callable, Iterator

import orjson

from gateway_lib.simulator.conversation import Json
from gateway_lib.simulator.delivery import Last, Whole
from gateway_lib.simulator.engine import Performance
from gateway_lib.simulator.generation import Block, Broken, Plan, Usage
from gateway_lib.simulator.guardrails import Guardrail, wire
from gateway_lib.simulator.refusals import Refusal
from middleware.bedrock import eventstream


def usage(used: Usage) -> Json:
    """Token usage; ``inputTokens`` excludes what came from or went to the cache."""
    built = {
        "inputTokens": used.input - used.cache_read - used.cache_write,
        "outputTokens": used.output,
        "totalTokens": used.input + used.output,
    }
    if used.cache_read or used.cache_write:
        built["cacheReadInputTokens"] = used.cache_read
        built["cacheWriteInputTokens"] = used.cache_write
    return built


def answer(performance: Performance, body: Json, guardrail: Guardrail | None) -> Json:
    """The body of a Converse response."""
    plan = performance.plan
    built: Json = {
        "output": {
            "message": {"role": "assistant", "content": [_block(block) for block in plan.blocks]}
        },
        "stopReason": plan.stop_reason,
        "usage": usage(plan.usage),
        "metrics": {"latencyMs": performance.latency_ms},
    }
    if fields := _response_fields(performance, body):
        built["additionalModelResponseFields"] = fields
    if trace := _trace(performance, body, guardrail):
        built["trace"] = trace
    return built | _echoed(body)


async def frames(
    performance: Performance,
    body: Json,
    guardrail: Guardrail | None,
    broken: Callable[[], None],
    refused: Callable[[Refusal], tuple[str, bytes]],
) -> AsyncIterator[bytes]:
    """The frames of a ConverseStream response.

    Args:
        performance: The answer.
        body: The request's body, for what the response repeats of it.
        guardrail: The guardrail of the request, for the trace.
        broken: Called before an exception ends the stream.
        refused: Gives exception name and payload of an error.
    """
    plan = performance.plan
    current, started = -1, False
    try:
        async for piece in performance.pieces():
            if not started:
                started = True
                yield _event("messageStart", {"role": "assistant"})
            block = plan.blocks[piece.block]
            if piece.block != current:
                for frame in _closing(plan, current):
                    yield frame
                current = piece.block
                if block.call:
                    start = {"toolUseId": block.call.id, "name": block.call.name}
                    yield _event(
                        "contentBlockStart",
                        {"start": {"toolUse": start}, "contentBlockIndex": current},
                    )
                    yield _delta({"toolUse": {"input": ""}}, current)
            yield _delta(_piece(block, piece.token), current)
    except Refusal as refusal:
        broken()
        yield Last(eventstream.exception(*refused(refusal)))
        return
    except Broken:
        broken()
        yield Last(eventstream.event("contentBlockDelta", b'{"contentBlockIndex":0,"del'))
        return
    if not started:
        yield _event("messageStart", {"role": "assistant"})
    for frame in _closing(plan, current):
        yield frame
    stop: Json = {"stopReason": plan.stop_reason}
    if fields := _response_fields(performance, body):
        stop["additionalModelResponseFields"] = fields
    yield _event("messageStop", stop)
    metadata: Json = {
        "usage": usage(plan.usage),
        "metrics": {"latencyMs": performance.latency_ms},
    }
    if trace := _trace(performance, body, guardrail):
        metadata["trace"] = trace
    yield Last(_event("metadata", metadata | _echoed(body)))


def half(reply: Whole) -> Whole:
    """A reply whose JSON breaks off in the middle."""
    return Whole(reply.body[: len(reply.body) // 2], reply.status, reply.headers)


def _event(name: str, payload: Json) -> bytes:
    return eventstream.event(name, orjson.dumps(payload))


def _delta(delta: Json, index: int) -> bytes:
    return _event("contentBlockDelta", {"delta": delta, "contentBlockIndex": index})


def _piece(block: Block, token: str) -> Json:
    if block.kind == "tool":
        return {"toolUse": {"input": token}}
    if block.kind == "reasoning":
        return {"reasoningContent": {"text": token}}
    return {"text": token}


def _closing(plan: Plan, index: int) -> Iterator[bytes]:
    """End a block; reasoning has its signature before the end."""
    if index < 0:
        return
    if plan.blocks[index].kind == "reasoning":
        yield _delta({"reasoningContent": {"signature": plan.blocks[index].signature}}, index)
    yield _event("contentBlockStop", {"contentBlockIndex": index})


def _block(block: Block) -> Json:
    if block.call is not None:
        call = block.call
        return {"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.arguments}}
    if block.kind == "reasoning":
        return {
            "reasoningContent": {
                "reasoningText": {"text": block.text, "signature": block.signature}
            }
        }
    return {"text": block.text}


def _response_fields(performance: Performance, body: Json) -> Json:
    known = {"/stop_sequence": ("stop_sequence", performance.plan.stop_sequence)}
    asked = body.get("additionalModelResponseFieldPaths") or []
    return dict(known[path] for path in asked if path in known)


def _echoed(body: Json) -> Json:
    return {key: body[key] for key in ("performanceConfig", "serviceTier") if body.get(key)}


def _trace(performance: Performance, body: Json, guardrail: Guardrail | None) -> Json:
    if guardrail is None:
        return {}
    config = body["guardrailConfig"]
    return wire.trace(guardrail, config, performance.input_verdicts, performance.output_verdict)
