"""LiteLLM on a real socket, as far as guardrails go: its list, its errors, and one that may be down."""

from __future__ import annotations

import gzip
import json
from typing import Any

BLOCKED = {
    "message": "Violated guardrail policy",
    "type": "invalid_request_error",
    "param": None,
    "code": "400",
    "provider_specific_fields": {
        "bedrock_guardrail_response": "No.",
        "guardrail_name": "a",
        "assessments": [{"policy": "wordPolicy", "matches": [{"match": "[REDACTED]"}]}],
    },
}


class LiteLLM:
    """An ASGI application; what it was asked is in `asked`."""

    def __init__(self) -> None:
        self.names: list[str] | None = ["a", "b"]
        self.always: set[str] = set()
        self.down: set[str] = set()
        self.models: list[dict[str, Any]] = []
        self.listings = 0
        self.error: tuple[int, dict[str, Any]] | None = None
        """What every model call is answered with, where it is given."""
        self.role = "internal_user"
        self.squeezes = self.streams = False
        self.asked: list[tuple[str, Any]] = []

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            return
        if scope["type"] == "websocket":
            self.asked.append((scope["path"], scope["query_string"].decode()))
            await receive()
            await send({"type": "websocket.accept"})
            await receive()
            return
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message.get("body", b"")
        path = scope["path"]
        fields = json.loads(body) if body.startswith(b"{") else {"size": len(body)}
        if path == "/v2/guardrails/list":
            await self._list(send)
        elif path == "/key/info":
            await self._answer(send, 200, {"info": {"user_id": "somebody"}})
        elif path == "/v2/user/info":
            await self._answer(send, 200, {"user_role": self.role})
        elif path == "/guardrails/apply_guardrail":
            self.asked.append((path, fields))
            await self._answer(send, 500 if fields["guardrail_name"] in self.down else 200, {})
        elif scope["method"] == "POST":
            self.asked.append((path, fields))
            await self._call(send, fields)
        else:
            known = {"data": self.models, "status": "healthy", "db": "connected"}
            await self._answer(send, 200, known)

    @property
    def calls(self) -> list[Any]:
        """The bodies of model calls."""
        return [fields for path, fields in self.asked if "apply" not in path]

    async def _list(self, send) -> None:
        self.listings += 1
        if self.names is None:
            await self._answer(send, 500, {})
            return
        entries = [
            {
                "guardrail_name": name,
                "litellm_params": {
                    "default_on": name in self.always,
                    "guardrailIdentifier": f"{name}id",
                    "guardrailVersion": "1",
                },
            }
            for name in self.names
        ]
        await self._answer(send, 200, {"guardrails": entries})

    async def _call(self, send, fields) -> None:
        text = json.dumps(fields)
        applied = {*fields.get("guardrails", ()), *self.always}
        if self.error:
            await self._answer(send, self.error[0], {"error": self.error[1]})
            return
        if applied & self.down:
            await self._answer(
                send, 500, {"error": {"message": "an unexpected error", "code": "500"}}
            )
        elif "forbidden" in text:
            await self._answer(send, 400, {"error": BLOCKED})
        elif "failing" in text:
            await self._answer(send, 500, {"error": {"message": "litellm.InternalServerError: x"}})
        elif "strange" in text:
            await self._answer(send, 500, {"error": {"message": "No connected db."}})
        else:
            message = {"role": "assistant", "content": "hello"}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            await self._answer(send, 200, {"model": "m", "choices": [choice]})

    async def _answer(self, send, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        headers = [(b"content-type", b"application/json")]
        if self.streams and status >= 400:
            body = b"data: " + body + b"\n\ndata: [DONE]\n\n"
            headers = [(b"content-type", b"text/event-stream")]
        if self.squeezes and status >= 400:
            body = gzip.compress(body)
            headers.append((b"content-encoding", b"gzip"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
