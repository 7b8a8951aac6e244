"""OpenAI answers: completions, chunks, usage and errors in the provider's shapes."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import orjson

from gateway_lib.simulator.delivery import Last, Whole
from gateway_lib.simulator.engine import Performance
from gateway_lib.simulator.faults import StopReason
from gateway_lib.simulator.generation import Block, Broken, Plan, Usage
from gateway_lib.simulator.journal import Entry
from gateway_lib.simulator.refusals import Reason, Refusal

_FINISH: dict[StopReason, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "stop",
    "malformed_tool_use": "stop",
}
_TYPES = {
    401: "invalid_request_error",
    403: "permission_error",
    429: "rate_limit_error",
    503: "overloaded_error",
}


async def frames(
    performance: Performance, with_usage: bool, broken: Callable[[], None]
) -> AsyncIterator[bytes]:
    """The answer as server-sent events; `broken` is called before an error event ends them."""
    plan, entry = performance.plan, performance.entry
    tail = b"}\n\n" if not with_usage else b',"usage":null}\n\n'
    head = b"data: " + orjson.dumps(_envelope(plan, entry.model, "chat.completion.chunk"))[:-1]

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return head + b',"choices":[' + orjson.dumps(choice) + b"]" + tail

    opened = False
    current = -1
    try:
        async for piece in performance.pieces():
            if not opened:
                opened = True
                yield chunk({"role": "assistant", "content": _opening(plan), "refusal": None})
            block = plan.blocks[piece.block]
            if piece.block != current:
                current = piece.block
                if block.call:
                    yield chunk({"tool_calls": [_tool_call(plan, block, streamed=True)]})
            if block.kind == "text":
                yield chunk({"content": piece.token})
            elif block.call:
                part = {"index": _tool_index(plan, block), "function": {"arguments": piece.token}}
                yield chunk({"tool_calls": [part]})
    except Refusal as refusal:
        broken()
        yield Last(b"data: " + refused(refusal, entry).body + b"\n\n")
        return
    except Broken:
        broken()
        yield Last(head + b',"choices":[{"index":0,"del\n\n')
        return
    if not opened:
        yield chunk({"role": "assistant", "content": _opening(plan), "refusal": None})
    yield chunk({}, _finish(performance))
    if with_usage:
        usage = orjson.dumps(_usage(plan.usage))
        yield head + b',"choices":[],"usage":' + usage + b"}\n\n"
    yield Last(b"data: [DONE]\n\n")


def refused(refusal: Refusal, entry: Entry) -> Whole:
    """An error in OpenAI's shape."""
    status, code, param, message = 400, refusal.code, refusal.param, refusal.message
    kind = "invalid_request_error"
    match refusal.reason:
        case Reason.UNAUTHENTICATED:
            status = 401
        case Reason.UNKNOWN_MODEL:
            status, code = 404, "model_not_found"
            message = f"The model `{entry.model}` does not exist or you do not have access to it."
        case Reason.NOT_FOUND:
            status = 404
        case Reason.CONTEXT_WINDOW:
            code, param = "context_length_exceeded", "messages"
            message = (
                f"This model's maximum context length is {refusal.limit} tokens. However, your "
                f"messages resulted in {refusal.actual} tokens. Please reduce the length of the "
                "messages."
            )
        case Reason.MAX_TOKENS:
            code, param = "invalid_value", "max_tokens"
            message = (
                f"max_tokens is too large: {refusal.actual}. This model supports at most "
                f"{refusal.limit} completion tokens, whereas you provided {refusal.actual}."
            )
        case Reason.MODALITY:
            message = (
                f"Invalid content type. {refusal.modality} is only supported by certain models."
            )
        case Reason.REASONING:
            code, param = "unsupported_parameter", "reasoning_effort"
            message = "Unsupported parameter: 'reasoning_effort' is not supported with this model."
        case Reason.STATUS:
            status = refusal.status
            kind = _TYPES.get(status, "server_error" if status >= 500 else kind)
            code = code or ("rate_limit_exceeded" if status == 429 else None)
            message = message or _said(status, entry.model)
    error = {"message": message, "type": kind, "param": param, "code": code}
    fields = headers(entry)
    if refusal.retry_after is not None:
        fields["retry-after"] = f"{refusal.retry_after:g}"
    return Whole(orjson.dumps({"error": error}), status, fields)


def _said(status: int, model: str) -> str:
    if status == 429:
        return f"Rate limit reached for {model}. Please try again later."
    if status >= 500:
        return "The server had an error while processing your request. Sorry about that!"
    return f"The request was refused with status {status}."


def headers(entry: Entry) -> dict[str, str]:
    """Response headers every answer has."""
    took = round((time.time() - entry.received_at) * 1000)
    number = entry.response_id or f"{entry.number:x}-{time.time_ns():x}"
    return {"x-request-id": f"req_{number}", "openai-processing-ms": str(took)}


def whole(answer: dict[str, Any], entry: Entry, valid: bool = True) -> Whole:
    """A JSON reply, or half of it."""
    body = orjson.dumps(answer)
    return Whole(body if valid else body[: len(body) // 2], headers=headers(entry))


def _envelope(
    plan: Plan, model: str, kind: Literal["chat.completion", "chat.completion.chunk"]
) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{plan.id}",
        "object": kind,
        "created": plan.created,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }


def completion(performance: Performance) -> dict[str, Any]:
    """The answer as a ``chat.completion``."""
    plan = performance.plan
    message: dict[str, Any] = {
        "role": "assistant",
        "content": plan.text if plan.text or not plan.calls else None,
        "refusal": None,
        "annotations": [],
    }
    if plan.calls:
        message["tool_calls"] = [_tool_call(plan, block) for block in plan.blocks if block.call]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": _finish(performance),
    }
    envelope = _envelope(plan, performance.entry.model, "chat.completion")
    return envelope | {"choices": [choice], "usage": _usage(plan.usage)}


def _finish(performance: Performance) -> str:
    # A call that was forced by name ends with "stop" at this provider.
    if (
        performance.plan.stop_reason == "tool_use"
        and performance.request.tool_choice.mode == "named"
    ):
        return "stop"
    return _FINISH[performance.plan.stop_reason]


def _opening(plan: Plan) -> str | None:
    return None if plan.calls and not plan.text else ""


def _tool_index(plan: Plan, block: Block) -> int:
    return [b for b in plan.blocks if b.call].index(block)


def _tool_call(plan: Plan, block: Block, *, streamed: bool = False) -> dict[str, Any]:
    assert block.call is not None  # noqa: S101 - both callers select blocks with a call
    function = {"name": block.call.name, "arguments": "" if streamed else block.text}
    call = {"id": block.call.id, "type": "function", "function": function}
    return {"index": _tool_index(plan, block)} | call if streamed else call


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
