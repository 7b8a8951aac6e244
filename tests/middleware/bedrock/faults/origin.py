"""A LiteLLM that answers well, or in one of the ways in which answers go wrong.

The request's header `x-fault` names the way; the middleware passes it on like any header.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from .answers import (
    CALL,
    CUT,
    DONE,
    GUARDED,
    MESSAGES_STREAM,
    STREAM,
    TEXT,
    USAGE,
    completion,
    event,
    message,
)
from .broken import BODIES, STREAMS

_HEADERS: dict[str, list[tuple[bytes, bytes]]] = {
    "latin": [(b"x-litellm-model-id", b"gr\xf6\xdfe"), (b"X-LiteLLM-Odd", b"")],
    "long": [(b"x-litellm-model-id", b"x" * 6000), (b"retry-after", b"\xfc")],
    "encoding": [(b"content-type", b"text/html; charset=nonsense")],
}
_OWN: dict[str, Any] = {
    "/health/readiness": {"status": "healthy", "db": "connected"},
    "/key/info": {"info": {}},
    "/router/settings": {"current_values": {"fallbacks": []}},
    "/v2/guardrails/list": {
        "guardrails": [
            {
                "guardrail_name": "gr",
                "litellm_params": {"guardrailIdentifier": "gr1", "guardrailVersion": "1"},
            }
        ]
    },
    "/model/info": {
        "data": [
            {"model_name": "gpt", "litellm_params": {"model": "openai/gpt"}},
            {"model_name": "claude", "litellm_params": {"model": "bedrock/claude"}},
            {"model_name": "mixed", "litellm_params": {"model": "bedrock/claude"}},
            {"model_name": "mixed", "litellm_params": {"model": "openai/gpt"}},
        ]
    },
}


class FaultyOrigin:
    """An ASGI application; `violations` are the chat completions it was sent that are none."""

    def __init__(self) -> None:
        self.violations: list[str] = []

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        path = scope["path"]
        if path in _OWN:
            await _answer(send, 200, json.dumps(_OWN[path]).encode())
            return
        if path == "/v1/chat/completions":
            self.violations += chat_violations(body)
        fault = dict(scope["headers"]).get(b"x-fault", b"").decode()
        kind, _, name = fault.partition(" ")
        streams = b'"stream":true' in body
        if kind == "status":
            code, _, name = name.partition(" ")
            await _answer(send, int(code), BODIES[name])
        elif kind == "body":
            await _answer(send, 200, BODIES[name])
        elif kind == "stream":
            await _stream(send, STREAMS[name], [])
        elif streams:
            good = (
                MESSAGES_STREAM if path == "/v1/messages" else [*STREAM, event(usage=USAGE), DONE]
            )
            await _stream(send, good, _HEADERS.get(name, ()))
        else:
            await _answer(send, 200, _plausible(path, len(body)), _HEADERS.get(name, ()))


def _plausible(path: str, size: int) -> bytes:
    if path == "/v1/messages/count_tokens":
        return b'{"input_tokens": 12}'
    if path == "/v1/messages":
        return message()
    if path.startswith("/guardrail/"):
        return GUARDED
    called = {**TEXT, "content": None, "tool_calls": [CALL]}
    return completion(called, "tool_calls") if size % 3 == 0 else completion()


def chat_violations(body: bytes) -> list[str]:
    """What is wrong with the body of a chat completion, as far as a provider would refuse it."""
    request = json.loads(body)
    wrong = []
    if not isinstance(request.get("model"), str) or not request.get("messages"):
        wrong.append("no model or messages")
    for turn in request.get("messages") or ():
        content = turn.get("content")
        if turn.get("role") not in ("system", "user", "assistant", "tool"):
            wrong.append(f"role {turn.get('role')!r}")
        if not isinstance(content, str | list) and not (
            content is None and turn["role"] == "assistant"
        ):
            wrong.append(f"content {content!r}")
        for part in content if isinstance(content, list) else ():
            if part.get("type") in ("text", "guarded_text") and not isinstance(
                part.get("text"), str
            ):
                wrong.append(f"part {part!r}")
        for call in turn.get("tool_calls") or ():
            if not isinstance(json.loads(call["function"]["arguments"]), dict):
                wrong.append(f"arguments {call!r}")
    return [f"{one} in {body[:300]!r}" for one in wrong]


async def _answer(
    send: Callable, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    sent = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


async def _stream(
    send: Callable, pieces: list[Any], headers: Iterable[tuple[bytes, bytes]]
) -> None:
    sent = [(b"content-type", b"text/event-stream"), *headers]
    await send({"type": "http.response.start", "status": 200, "headers": sent})
    for piece in pieces:
        if piece is CUT:
            return  # without the end of the body: the server breaks the connection
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
