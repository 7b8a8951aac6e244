"""The tests' LiteLLM as a process of its own, which notes what it was asked and can be made to wait.

Every answer is another one, so that no answer can stand in another's place unnoticed.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
import zlib
from typing import Any
from urllib.parse import parse_qs

import orjson

from tests.middleware.history.conftest import KEY
from tests.middleware.history.litellm import LiteLLM, answer, chunk, completion, event, text_of

CONTROL = "/tests/"


class Upstream(LiteLLM):
    """Controlled over http: `/tests/tell?seconds=&hold=` and `/tests/calls`."""

    def __init__(self) -> None:
        super().__init__()
        self.add_key(KEY, "ada")
        self.seconds = 0.0
        self.calls: list[dict[str, Any]] = []
        self.waiting = 0
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(CONTROL):
            await super().__call__(scope, receive, send)
            return
        query = {name: value[0] for name, value in parse_qs(scope["query_string"].decode()).items()}
        if scope["path"] == f"{CONTROL}calls":
            await answer(send, 200, self.calls)
            return
        self.seconds = float(query.get("seconds", self.seconds))
        match query.get("hold"):
            case "1":
                self.let_go.clear()
            case "0":
                self.let_go.set()
        if "forget" in query:
            self.calls.clear()
        await answer(send, 200, {"waiting": self.waiting})

    async def _complete(self, receive, send, request: dict[str, Any]) -> None:
        *past, new = request["messages"]
        question = text_of(new)
        said = f"answer {len(self.calls)} to {question}"
        call = {
            "question": question,
            "answer": said,
            "asked": time.monotonic(),
            "answered": None,
            "seen": [text_of(one) for one in past if one["role"] == "user"],
            "digest": digest(past),
        }
        self.calls.append(call)
        seconds = self.seconds * (zlib.crc32(question.encode()) % 100) / 100
        if request.get("stream"):
            await self._speak(send, re.findall(r"\S+ ?", said), seconds)
        else:
            await self._held()
            await asyncio.sleep(seconds)
            await answer(send, 200, completion(said))
        call["answered"] = time.monotonic()

    async def _speak(self, send, words: list[str], seconds: float) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number, word in enumerate(words):
            await event(send, chunk({"content": word}))
            if number == 0:
                await self._held()
            if seconds:
                await asyncio.sleep(seconds / len(words))
        await event(send, chunk({}, "stop"))
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})

    async def _held(self) -> None:
        self.waiting += 1
        try:
            await asyncio.wait_for(self.let_go.wait(), 60)
        finally:
            self.waiting -= 1


def digest(messages: list[dict[str, Any]]) -> str:
    """What identifies messages in every detail."""
    return hashlib.sha256(orjson.dumps(messages, option=orjson.OPT_SORT_KEYS)).hexdigest()


def create_app() -> Upstream:
    return Upstream()
