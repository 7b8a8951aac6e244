"""People who talk to a whole gateway on all four ways in, and what of it is in the history afterwards."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.faults.ways import WAYS, Seen, ask
from tests.middleware.history.conftest import bearer

MODELS = ("gpt-4o-mini", "anthropic.claude-3-haiku-20240307-v1:0")
"""One of each provider's, both of the simulator's."""
TURNS = 5
"""Turns of a conversation before the next one begins."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what became of it, on the clock of the test."""

    way: str
    question: str
    session: str
    seen: Seen | None
    """None where the connection could not be made or broke before the headers."""
    sent: float

    @property
    def is_answered(self) -> bool:
        return self.seen is not None and self.seen.text == self.question

    def __str__(self) -> str:
        seen = self.seen
        return f"{self.way}: {seen and (seen.status, seen.error, seen.broke, seen.body[:200])}"


class Talk:
    """Everything that is said of one gateway with one key."""

    def __init__(self, http: aiohttp.ClientSession, url: str, key: str, mark: str) -> None:
        self.turns: list[Turn] = []
        self.in_flight = 0
        self._http = http
        self._url = url
        self._key = key
        self._mark = mark
        self._numbers = itertools.count()

    @property
    def failed(self) -> list[Turn]:
        return [turn for turn in self.turns if not turn.is_answered]

    def answered_since(self, moment: float) -> int:
        return sum(turn.is_answered and turn.sent > moment for turn in self.turns)

    async def say(self, session: str = "", way: str = "") -> Turn:
        """One turn; the simulated models repeat what they are told to."""
        number = next(self._numbers)
        way = way or WAYS[number % 4]
        question = f"{self._mark} question {number}"
        model = MODELS[number // 4 % 2]
        sent = time.monotonic()
        self.in_flight += 1
        try:
            seen = await ask(
                self._http,
                self._url,
                way,
                text=f"echo: {question}",
                key=self._key,
                model=model,
                session=session,
            )
        except (aiohttp.ClientError, TimeoutError):
            seen = None
        finally:
            self.in_flight -= 1
        session = seen.headers.get("x-session-id", session) if seen else session
        turn = Turn(way, question, session, seen, sent)
        self.turns.append(turn)
        return turn

    async def converse(self, goes_on: Callable[[], bool]) -> None:
        """One conversation after the other, without a pause but after a failure."""
        while goes_on():
            session = ""
            for _ in range(TURNS):
                turn = await self.say(session)
                session = turn.session
                if not turn.is_answered:
                    await asyncio.sleep(0.1)
                    break

    async def kept(self) -> Counter[str]:
        """How often each answer is in the history, of all conversations."""
        sessions = sorted({turn.session for turn in self.turns if turn.session})
        found: Counter[str] = Counter()
        for session in sessions:
            body: dict[str, Any] = {"session_id": session}
            while True:
                async with self._http.post(
                    f"{self._url}/chat-history", json=body, headers=bearer(self._key)
                ) as response:
                    assert response.status == 200, await response.text()
                    page = await response.json()
                found.update(
                    said.strip()
                    for one in page["messages"]
                    if one["role"] == "assistant" and (said := text_of(one))
                )
                if page["next"] is None:
                    break
                body["after"] = page["next"]
        return found

    async def lost_nothing(self) -> None:
        """Every answer that reached its caller is in the history, and once."""
        kept = await self.kept()
        answered = [turn.question for turn in self.turns if turn.is_answered]
        assert [one for one in answered if kept[one] != 1] == []


def text_of(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content)
    return str(content)


@asynccontextmanager
async def talking(talk: Talk, people: int) -> AsyncIterator[Talk]:
    """So many people talk, and go on doing so until the end of the context."""
    going = True
    tasks = [asyncio.create_task(talk.converse(lambda: going)) for _ in range(people)]
    try:
        await reached(lambda: talk.answered_since(0) > 10 * people)
        yield talk
    finally:
        going = False
        await asyncio.gather(*tasks)


async def reached(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something to come true while people talk."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not true after {seconds:.0f} s of talk"
        await asyncio.sleep(0.05)
