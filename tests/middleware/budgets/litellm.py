"""An upstream with keys, prices and a spend log, as a process of its own: `python -m ... PORT`.

What a call costs is for the caller to say: `say 7` is answered with seven tokens. All of it is added up here,
so that what the gateway has booked can be compared with the truth.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
from typing import Any
from urllib.parse import parse_qs, unquote

import uvicorn

MASTER = "sk-master-of-the-tests"
MODEL, OTHER, FREE = "any-model", "other-model", "model-without-a-price"
ID = "deployment-of-any-model"
INPUT, OUTPUT = 0.001, 0.01
"""Dollars a token."""
MODELS = {
    MODEL: {
        "input_cost_per_token": INPUT,
        "output_cost_per_token": OUTPUT,
        "max_input_tokens": 1000,
        "max_output_tokens": 100,
    },
    OTHER: {
        "input_cost_per_token": INPUT,
        "output_cost_per_token": OUTPUT,
        "max_input_tokens": 1000,
    },
    FREE: {"input_cost_per_token": 0},
    "image-model": {"output_cost_per_image": 0.25},
    "bedrock-model": {
        "input_cost_per_token": INPUT,
        "output_cost_per_token": OUTPUT,
        "max_input_tokens": 1000,
        "max_output_tokens": 100,
    },
}
TARGETS = {"bedrock-model": "bedrock/us.amazon.some-model-v1:0"}
CONFIGURATION = {"model_group_alias": {"nickname": MODEL}, "fallbacks": []}
SAY, WAIT = re.compile(r"say (\d+)"), re.compile(r"wait ([\d.]+)")


class LiteLLM:
    """`log` is the spend log, by call id; `spent` what was spent of each model."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.log: dict[str, float] = {}
        self.spent: dict[str, float] = {}
        self.calls = 0
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.booking = True

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        query = {k: v[0] for k, v in parse_qs(scope["query_string"].decode()).items()}
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        answer = self._management(scope["path"], query, body)
        if answer is None:
            await self._complete(scope, receive, send, headers, query, body)
        else:
            await reply(send, *answer)

    def _management(self, path: str, query, body: bytes) -> tuple[int, Any] | None:
        if path.startswith(("/user/", "/key/")) and b"model_max_budget" in body:
            return 500, {"error": {"message": "You must have an enterprise license"}}
        match path:
            case "/health/readiness":
                return 200, {"status": "healthy", "db": "connected"}
            case "/model/info":
                return 200, {"data": [_deployment(name) for name in MODELS]}
            case "/router/settings":
                return 200, {"current_values": CONFIGURATION}
            case "/v2/guardrails/list":
                return 200, {"guardrails": []}
            case "/truth":
                facts = {"spent": self.spent, "calls": self.calls, "asked": self.asked[-50:]}
                return 200, {**facts, "log": self.log, "paths": self.paths[-50:]}
            case "/control":
                asked = json.loads(body)
                self.booking = asked.get("booking", self.booking)
                if asked.get("reset"):
                    self.log, self.spent, self.calls, self.asked = {}, {}, 0, []
                return 200, {}
            case "/spend/logs":
                spend = self.log.get(query["request_id"]) if self.booking else None
                return 200, [] if spend is None else [{"spend": spend}]
            case "/key/info":
                found = self.keys.get(_hashed(query["key"]))
                if found is None:
                    return 404, {"error": {"message": "no such key"}}
                return 200, {"key": query["key"], "info": {**found, "model_max_budget": {}}}
            case "/user/info":
                row = {
                    "user_id": query["user_id"],
                    "model_max_budget": {},
                    **self.users.get(query["user_id"], {}),
                }
                return 200, {"user_id": query["user_id"], "user_info": row, "keys": []}
            case "/v2/user/info":
                found = self.users.get(query["user_id"])
                return (200, found) if found else (404, {})
        return (
            self._written(path, json.loads(body or b"{}"))
            if path.startswith(("/user/", "/key/"))
            else None
        )

    def _written(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/user/new":
            user = body.get("user_id") or f"user-{len(self.users)}"
            self.users[user] = {"user_id": user, "user_role": body.get("user_role")}
            return 200, {
                **self.users[user],
                "key": self._new_key({"user_id": user}),
                "model_max_budget": {},
            }
        if path == "/user/update":
            return 200, {
                "user_id": body["user_id"],
                "data": {"user_id": body["user_id"], "model_max_budget": {}},
            }
        if path == "/key/generate":
            key = body.get("key") or self._new_key(body)
            self.keys[_hashed(key)] = body
            return 200, {**body, "key": key, "model_max_budget": {}}
        if path == "/key/regenerate":
            row = self.keys.pop(_hashed(body["key"]))
            return 200, {"key": self._new_key(row), "model_max_budget": {}}
        return 200, {**body, "model_max_budget": {}}

    def _new_key(self, row: dict[str, Any]) -> str:
        key = f"sk-key-{len(self.keys)}-{len(self.log)}-{id(row)}"
        self.keys[_hashed(key)] = dict(row)
        return key

    async def _complete(self, scope, receive, send, headers, query, raw: bytes) -> None:
        path = scope["path"]
        self.paths.append(path)
        try:
            body = json.loads(raw)
        except ValueError:
            body = {"form": True}
        text = json.dumps(body)
        model = _model(path, query, body)
        self.calls += 1
        self.asked.append({**body, "path": path, "call": headers.get("x-litellm-call-id")})
        call = headers.get("x-litellm-call-id", f"unnamed-{self.calls}")
        said, waits = SAY.findall(text), WAIT.findall(text)
        tokens = int(said[-1]) if said else 1
        tokens = min(tokens, body.get("max_tokens") or tokens)
        read = len(text.split()) // 4 + 1
        if "withhold" in text:  # by a guardrail, once the model has answered
            self._book(model, call, read * INPUT + tokens * OUTPUT)
            message = "Violated guardrail policy"
            await reply(send, 400, {"error": {"message": message, "code": "400"}}, cost=0.0)
            return
        if "please fail" in text:
            await reply(send, 500, {"error": {"message": "failed", "code": "500"}}, cost=0.0)
            return
        if body.get("stream"):
            await self._stream(receive, send, path, model, call, read, tokens, waits)
            return
        gone = asyncio.create_task(_gone(receive))
        if waits:
            await asyncio.wait([gone], timeout=float(waits[-1]))
        if gone.done():
            return  # as LiteLLM: what was not answered is not booked
        gone.cancel()
        cost = read * INPUT + tokens * OUTPUT
        self._book(model, call, cost)
        shown = None if "no header" in text else cost
        await reply(send, 200, _answer(path, model, read, tokens), cost=shown)

    async def _stream(self, receive, send, path, model, call, read, tokens, waits) -> None:
        pause = float(waits[-1]) / max(tokens, 1) if waits else 0.0
        gone, sent = asyncio.create_task(_gone(receive)), 0
        start = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": start})
        messages = path.endswith("/messages")
        for _ in range(tokens):
            if gone.done():
                break
            sent += 1
            await event(send, _piece(model, messages))
            await asyncio.wait([gone], timeout=pause) if pause else await asyncio.sleep(0)
        cost = read * INPUT + sent * OUTPUT
        self._book(model, call, cost)
        if gone.done():
            return
        gone.cancel()
        usage = {
            "prompt_tokens": read,
            "completion_tokens": sent,
            "total_tokens": read + sent,
            "cost": cost,
        }
        for last in _ends(model, usage, messages):
            await event(send, last)
        end = b"" if messages else b"data: [DONE]\n\n"
        await send({"type": "http.response.body", "body": end})

    def _book(self, model: str, call: str, cost: float) -> None:
        self.log[call] = self.log.get(call, 0.0) + cost
        self.spent[model] = self.spent.get(model, 0.0) + cost


def _deployment(name: str) -> dict[str, Any]:
    info = {"id": ID if name == MODEL else f"deployment-of-{name}", **MODELS[name]}
    target = TARGETS.get(name, f"openai/{name}-target")
    return {"model_name": name, "litellm_params": {"model": target}, "model_info": info}


def _model(path: str, query, body) -> str:
    found = re.fullmatch(
        r"/(?:openai/deployments|engines)/(.+?)/(?:chat/)?\w+|.*/models/(.+):\w+", path
    )
    named = unquote(found[1] or found[2]) if found else query.get("model") or str(body.get("model"))
    known = {"nickname": MODEL, ID: MODEL, f"openai/{MODEL}-target": MODEL}
    return known.get(named, named)


def _answer(path: str, model: str, read: int, tokens: int) -> dict[str, Any]:
    if path.endswith("/messages"):
        usage = {"input_tokens": read, "output_tokens": tokens}
        content = [{"type": "text", "text": "word " * tokens}]
        return {
            "type": "message",
            "role": "assistant",
            "content": content,
            "stop_reason": "end_turn",
            "usage": usage,
        }
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": "word " * tokens},
    }
    usage = {"prompt_tokens": read, "completion_tokens": tokens, "total_tokens": read + tokens}
    return {
        "id": "c",
        "object": "chat.completion",
        "model": model,
        "choices": [choice],
        "usage": usage,
    }


def _piece(model: str, messages: bool) -> dict[str, Any]:
    if messages:
        return {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "word "},
        }
    return {"id": "c", "model": model, "choices": [{"index": 0, "delta": {"content": "word "}}]}


def _ends(model: str, usage, messages: bool) -> list[dict[str, Any]]:
    if messages:
        told = {"output_tokens": usage["completion_tokens"], "cost": usage["cost"]}
        return [
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": told},
            {"type": "message_stop"},
        ]
    finish = {
        "id": "c",
        "model": model,
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
    }
    return [
        finish,
        {"id": "c", "model": model, "choices": [{"index": 0, "delta": {}}], "usage": usage},
    ]


def _hashed(key: str) -> str:
    return key if re.fullmatch("[0-9a-f]{64}", key) else hashlib.sha256(key.encode()).hexdigest()


async def _gone(receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def event(send, data: Any) -> None:
    body = b"data: " + json.dumps(data).encode() + b"\n\n"
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def reply(send, status: int, body: Any, cost: float | None = None) -> None:
    data = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(data))]
    if cost is not None:
        headers.append((b"x-litellm-response-cost", repr(cost).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


if __name__ == "__main__":
    uvicorn.run(LiteLLM(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
