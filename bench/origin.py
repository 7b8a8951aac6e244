"""An upstream that costs next to nothing: canned answers in LiteLLM's form, over plain ASGI."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

MODEL = "bench-model"
CHUNKS = 100
PACING_SECONDS = 0.005

Header = tuple[bytes, bytes]
_TEXT = "Interleaved rounds share the drift of the machine, so that a ratio outlives it. "
_HEADERS: list[Header] = [
    (b"x-litellm-call-id", b"0e4c2d5c-6a0a-4f0e-9d4e-2f6d3a1b7c55"),
    (b"x-litellm-model-id", b"4f1f7a52d1c8e3a6b90f7d2e5c4b3a19"),
    (b"x-litellm-model-api-base", b"https://api.openai.com"),
    (b"x-litellm-version", b"1.106.2"),
    (b"x-litellm-response-cost", b"0.000123"),
    (b"x-litellm-key-spend", b"0.0123"),
    (b"x-litellm-response-duration-ms", b"12.3"),
    (b"x-litellm-overhead-duration-ms", b"1.2"),
    (b"x-litellm-attempted-retries", b"0"),
    (b"x-litellm-attempted-fallbacks", b"0"),
    (b"x-litellm-model-group", MODEL.encode()),
    (b"llm_provider-x-request-id", b"req_0123456789abcdef"),
]


def _completion() -> bytes:
    message = {
        "role": "assistant",
        "content": _TEXT * 4,
        "tool_calls": None,
        "function_call": None,
        "provider_specific_fields": {"refusal": None},
    }
    return orjson.dumps(_envelope("chat.completion", {"message": message, "finish_reason": "stop"}))


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"delta": delta, "finish_reason": finish}
    body = _envelope("chat.completion.chunk", choice)
    if finish is None:
        del body["usage"]
    return b"data: " + orjson.dumps(body) + b"\n\n"


def _envelope(kind: str, choice: dict[str, Any]) -> dict[str, Any]:
    usage = {
        "prompt_tokens": 180,
        "completion_tokens": CHUNKS,
        "total_tokens": 180 + CHUNKS,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": None},
    }
    return {
        "id": "chatcmpl-0123456789abcdef",
        "created": 1_760_000_000,
        "model": MODEL,
        "object": kind,
        "system_fingerprint": "fp_0123456789",
        "choices": [{"index": 0, "logprobs": None, **choice}],
        "usage": usage,
        "service_tier": "default",
    }


_COMPLETION = _completion()
_CHUNK = _chunk({"content": "interleaved "})
_LAST = _chunk({}, "stop") + b"data: [DONE]\n\n"
_KNOWN: dict[str, object] = {
    "/health/readiness": {"status": "healthy", "db": "connected"},
    "/model/info": {
        "data": [{"model_name": MODEL, "litellm_params": {"model": "openai/gpt-4o-mini"}}]
    },
    "/v2/guardrails/list": {"guardrails": []},
    "/router/settings": {"current_values": {}},
    "/key/info": {"info": {"user_id": "bench", "status": "active", "expires": None}},
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers a chat completion, plain or streamed, and what the middleware asks on its own account."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if (known := _KNOWN.get(scope["path"])) is not None:
        await _answer(send, orjson.dumps(known))
    elif b'"stream":true' in body:
        await _stream(send)
    else:
        await _answer(send, _COMPLETION)


async def _answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers + _HEADERS})
    await send({"type": "http.response.body", "body": body})


async def _stream(send: Send) -> None:
    headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers + _HEADERS})
    for _ in range(CHUNKS - 1):
        await send({"type": "http.response.body", "body": _CHUNK, "more_body": True})
        await asyncio.sleep(PACING_SECONDS)
    await send({"type": "http.response.body", "body": _LAST})
