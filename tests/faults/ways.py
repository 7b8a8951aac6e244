"""The four ways in: both interfaces, whole and streamed, each with what its caller reads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.middleware.bedrock.frames import read
from tests.middleware.history.conftest import KEY, bearer
from tests.middleware.history.litellm import MODEL

WAYS = ("chat", "chat stream", "converse", "converse stream")
EVERY_WAY = pytest.mark.parametrize("way", WAYS)
EITHER_HISTORY = pytest.mark.parametrize("history", ["always", "off"])


@dataclass(frozen=True, slots=True)
class Seen:
    """What one call came to, for its caller."""

    status: int
    headers: dict[str, str]
    body: bytes
    broke: bool = False
    """Whether the connection broke before the end of the body."""

    @property
    def error(self) -> str:
        """The name of the error: OpenAI's `code`, AWS's exception, that of an event too."""
        if "x-amzn-errortype" in self.headers:
            return self.headers["x-amzn-errortype"]
        if self.headers.get("content-type", "").startswith("application/vnd.amazon.eventstream"):
            return next((one.name for one in read(self.body) if one.name.endswith("Exception")), "")
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            events = (line[6:] for line in self.body.split(b"\n\n") if b'"error"' in line)
            return next((str(json.loads(one)["error"]["code"]) for one in events), "")
        try:
            return str(json.loads(self.body)["error"]["code"])
        except (ValueError, KeyError, TypeError):
            return ""

    @property
    def text(self) -> str | None:
        """What the model said; None where that did not come to its end."""
        if self.status != 200 or self.broke or self.error:
            return None
        kind = self.headers["content-type"].partition(";")[0]
        if kind == "application/vnd.amazon.eventstream":
            frames = read(self.body)
            deltas = [
                one.body["delta"]["text"] for one in frames if one.name == "contentBlockDelta"
            ]
            return "".join(deltas) if frames[-1].name == "metadata" else None
        if kind == "text/event-stream":
            if not self.body.endswith(b"data: [DONE]\n\n"):
                return None
            events = self.body.removesuffix(b"data: [DONE]\n\n").strip().split(b"\n\n")
            chunks = [json.loads(one.removeprefix(b"data: ")) for one in events]
            said = [c["delta"].get("content") or "" for one in chunks for c in one["choices"]]
            return "".join(said)
        whole = json.loads(self.body)
        if "output" in whole:
            return str(whole["output"]["message"]["content"][0]["text"])
        return str(whole["choices"][0]["message"]["content"])


def call(
    way: str, text: str = "Hello", key: str = KEY, model: str = MODEL, session: str = ""
) -> dict[str, Any]:
    """Path, body and headers of a call; a turn of `session`, where there is one."""
    own = {"session_id": session} if session else {}
    if way.startswith("chat"):
        body = {"model": model, "messages": [{"role": "user", "content": text}], **own}
        body |= {"stream": True} if way == "chat stream" else {}
        return {"path": "/v1/chat/completions", "json": body, "headers": bearer(key)}
    path = f"/bedrock/model/{model}/{way.replace(' ', '-')}"
    body = {"messages": [{"role": "user", "content": [{"text": text}]}]}
    body |= {"additionalModelRequestFields": own} if own else {}
    return {"path": path, "json": body, "headers": bearer(key)}


async def ask(http: aiohttp.ClientSession, url: str, way: str, **more: Any) -> Seen:
    """Call, and read the answer as far as it comes."""
    arguments = call(way, **more)
    body = b""
    async with http.post(url + arguments.pop("path"), **arguments) as response:
        headers = {name.lower(): value for name, value in response.headers.items()}
        try:
            async for piece in response.content.iter_any():
                body += piece
        except aiohttp.ClientError:
            return Seen(response.status, headers, body, broke=True)
        return Seen(response.status, headers, body)


async def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    """Let other tasks run until `condition` holds, which it must."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
