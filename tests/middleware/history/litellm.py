"""An upstream that knows keys and answers chat completions as LiteLLM does, or fails as it is told."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs

MASTER = "sk-master-of-the-tests"
MODEL, BEDROCK_MODEL = "any-model", "a-bedrock-model"
PRICE = 0.000125


class LiteLLM:
    """An ASGI application. `asked` are the bodies of the completions it was asked for, in their order."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.looked_up: list[str] = []
        self.keys: dict[str, dict[str, Any]] = {}
        self.roles: dict[str, str] = {}
        self.fail: dict[str, Any] | None = None
        self.gone: asyncio.Event | None = None
        self.broken: Any = None
        self.answer: dict[str, Any] | None = None

    def add_key(self, key: str, user: str | None = None, **row: Any) -> str:
        self.keys[hashlib.sha256(key.encode()).hexdigest()] = {"user_id": user, **row}
        return key

    def remove_key(self, key: str) -> None:
        del self.keys[hashlib.sha256(key.encode()).hexdigest()]

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        query = {
            name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()
        }
        match scope["path"]:
            case "/key/info":
                await self._key_info(scope, send, query["key"])
            case "/v2/user/info":
                role = self.roles.get(query["user_id"])
                await answer(send, 200 if role else 404, {"user_role": role})
            case "/health/readiness":
                await answer(send, 200, {"status": "healthy", "db": "connected"})
            case "/model/info":
                served = {
                    MODEL: "openai/gpt-4o-mini",
                    BEDROCK_MODEL: "bedrock/amazon.nova-lite-v1:0",
                }
                rows = [
                    {"model_name": name, "litellm_params": {"model": model}}
                    for name, model in served.items()
                ]
                await answer(send, 200, {"data": rows})
            case "/v2/guardrails/list":
                await answer(send, 200, {"guardrails": []})
            case "/router/settings":
                await answer(send, 200, {"current_values": {}})
            case _:
                await self._complete(receive, send, json.loads(body))

    async def _key_info(self, scope, send, hashed: str) -> None:
        self.looked_up.append(hashed)
        assert dict(scope["headers"])[b"authorization"] == f"Bearer {MASTER}".encode()
        row = self.keys.get(hashed)
        if row is None:
            await answer(send, 404, {"error": {"message": "Key not found", "code": "404"}})
        else:
            await answer(send, 200, {"key": hashed, "info": row})

    async def _complete(self, receive, send, request: dict[str, Any]) -> None:
        self.asked.append(request)
        said = f"answer to: {text_of(request['messages'][-1])}"
        if self.fail and not request.get("stream"):
            await answer(
                send,
                self.fail["status"],
                {"error": {"message": self.fail["message"], "code": str(self.fail["status"])}},
                [(b"retry-after", b"7")],
            )
        elif request.get("stream"):
            await self._stream(receive, send, request, said)
        else:
            await answer(
                send,
                200,
                self.answer or completion(said),
                [(b"x-litellm-response-cost", b"0.000125")],
            )

    async def _stream(self, receive, send, request, said: str) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for word in said.split(" "):
            await event(send, chunk({"content": word + " "}))
        if self.gone is not None:
            while (await receive())["type"] != "http.disconnect":
                pass
            self.gone.set()
            return
        if self.broken == "error":
            await event(send, {"error": {"message": "the provider broke off", "code": "500"}})
            await send({"type": "http.response.body", "body": b""})
            return
        if self.broken:
            return  # without the end of the body: the server breaks the connection
        await event(send, chunk({}, "stop"))
        if (request.get("stream_options") or {}).get("include_usage"):
            usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12, "cost": PRICE}
            await event(send, {**chunk({}), "usage": usage})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


def text_of(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content)
    return content or ""


def completion(said: str | None, **message: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    whole = {"role": "assistant", "content": said, **message}
    choice = {"index": 0, "finish_reason": "stop", "message": whole}
    return {
        "id": "c1",
        "object": "chat.completion",
        "model": MODEL,
        "choices": [choice],
        "usage": usage,
    }


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "delta": delta}
    if finish:
        choice["finish_reason"] = finish
    return {"id": "c1", "object": "chat.completion.chunk", "model": MODEL, "choices": [choice]}


async def event(send, data: Any) -> None:
    body = b"data: " + json.dumps(data).encode() + b"\n\n"
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def answer(send, status: int, body: Any, headers=()) -> None:
    data = json.dumps(body).encode()
    own = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": data})
