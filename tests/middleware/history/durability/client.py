"""Callers of every kind, who note what reached them to its end."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from tests.middleware.bedrock.frames import read
from tests.middleware.history.conftest import KEY, bearer
from tests.middleware.history.litellm import MODEL

_BEDROCK = f"/bedrock/model/{MODEL}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A turn as its caller has seen it, on the clock of the test."""

    question: str
    session: str | None
    answer: str | None
    """What the model said, if it reached the caller to its end."""
    status: int | None
    """None where the connection broke."""
    retry_after: str | None
    error: bytes | None
    sent: float
    ended: float


class Client:
    """Asks each of the replicas in turn, over each of the interfaces in turn."""

    def __init__(self, http: aiohttp.ClientSession, urls: Sequence[str]) -> None:
        self._http = http
        self._urls = itertools.cycle(urls)
        self._kinds = itertools.cycle(_KINDS)

    async def ask(
        self, question: str, session: str | None = None, *, url: str = "", kind: str = ""
    ) -> Outcome:
        path, request, understood = _KINDS[kind or next(self._kinds)]
        address = (url or next(self._urls)) + path
        sent = time.monotonic()
        answer = status = retry_after = error = None
        try:
            async with self._http.post(
                address, json=request(question, session), headers=bearer(KEY)
            ) as response:
                status = response.status
                retry_after = response.headers.get("retry-after")
                body = await response.read()
                if status == 200:
                    session = response.headers["x-session-id"]
                    answer = understood(body)
                else:
                    error = body
        except (aiohttp.ClientError, TimeoutError):
            status = None
        ended = time.monotonic()
        return Outcome(question, session, answer, status, retry_after, error, sent, ended)

    async def insist(self, question: str, session: str) -> list[Outcome]:
        """Ask again whenever the service has no time and says when to; returns all attempts."""
        attempts = [await self.ask(question, session)]
        while attempts[-1].status == 503 and len(attempts) < 10:
            await asyncio.sleep(float(attempts[-1].retry_after or 0))
            attempts.append(await self.ask(f"{question}, again {len(attempts)}", session))
        return attempts

    async def history(self, session: str) -> tuple[int, dict[str, Any]]:
        """Status and body of a conversation as it is read, all of it."""
        body, whole = {"session_id": session}, {"messages": [], "turns": []}
        while True:
            async with self._http.post(
                next(self._urls) + "/chat-history", json=body, headers=bearer(KEY)
            ) as response:
                page = await response.json()
                if response.status != 200:
                    return response.status, page
            for name, items in whole.items():
                items += page[name]
            if page["next"] is None:
                return 200, whole
            body["after"] = page["next"]


def _chat(question: str, session: str | None) -> dict[str, Any]:
    own = {"session_id": session} if session else {}
    return {"model": MODEL, "messages": [{"role": "user", "content": question}], **own}


def _chat_stream(question: str, session: str | None) -> dict[str, Any]:
    return {**_chat(question, session), "stream": True}


def _converse(question: str, session: str | None) -> dict[str, Any]:
    own = {"additionalModelRequestFields": {"session_id": session}} if session else {}
    return {"messages": [{"role": "user", "content": [{"text": question}]}], **own}


def _of_completion(body: bytes) -> str | None:
    return orjson.loads(body)["choices"][0]["message"]["content"]


def _of_chunks(body: bytes) -> str | None:
    *events, done, rest = body.split(b"\n\n")
    if (done, rest) != (b"data: [DONE]", b""):
        return None
    choices = [orjson.loads(event.removeprefix(b"data: "))["choices"] for event in events]
    return "".join(choice["delta"].get("content", "") for some in choices for choice in some)


def _of_converse(body: bytes) -> str | None:
    return orjson.loads(body)["output"]["message"]["content"][0]["text"]


def _of_frames(body: bytes) -> str | None:
    frames = read(body)
    if not frames or frames[-1].name != "metadata":
        return None
    deltas = (one.body["delta"] for one in frames if one.name == "contentBlockDelta")
    return "".join(delta["text"] for delta in deltas)


Request = Callable[[str, str | None], dict[str, Any]]
Understood = Callable[[bytes], str | None]
_KINDS: dict[str, tuple[str, Request, Understood]] = {
    "chat": ("/v1/chat/completions", _chat, _of_completion),
    "chat stream": ("/v1/chat/completions", _chat_stream, _of_chunks),
    "converse": (f"{_BEDROCK}/converse", _converse, _of_converse),
    "converse stream": (f"{_BEDROCK}/converse-stream", _converse, _of_frames),
}
KINDS = tuple(_KINDS)
