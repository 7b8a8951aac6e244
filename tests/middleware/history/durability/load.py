"""Callers who go on talking while something breaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from .client import Client, Outcome

_SESSIONS, _TALKERS_EACH, _SECONDS = 15, 2, 90.0


class Load:
    """Each session has two callers, neither of whom waits for the other."""

    def __init__(self, client: Client, urls: Sequence[str]) -> None:
        self.outcomes: list[Outcome] = []
        self._client = client
        self._urls = urls
        self._until = time.monotonic() + _SECONDS

    @property
    def answered(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.answer is not None]

    @property
    def failed(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.answer is None]

    def answered_since(self, moment: float) -> int:
        return sum(one.sent > moment for one in self.answered)

    async def reaches(self, condition: Callable[[], bool], seconds: float = 30.0) -> float:
        """Wait for something to come true while the callers talk; returns how long that took."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < seconds, f"not true after {seconds:.0f} s of load"
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def every_replica_answers(self, seconds: float) -> None:
        """A call to each of them succeeds, `seconds` from now at the latest."""
        deadline = time.monotonic() + seconds
        for url in self._urls:
            for attempt in range(1000):
                outcome = await self._client.ask(f"back at {url}? {attempt}", url=url)
                self.outcomes.append(outcome)
                assert time.monotonic() < deadline, f"{outcome} after {seconds} s"
                if outcome.answer is not None:
                    break
                await asyncio.sleep(0.05)

    async def run(self) -> None:
        opened = await asyncio.gather(*(self._client.ask(f"open {n}") for n in range(_SESSIONS)))
        self.outcomes += opened
        async with asyncio.TaskGroup() as group:
            for number, first in enumerate(list(opened) * _TALKERS_EACH):
                group.create_task(self._talk(number, first.session))

    def stop(self) -> None:
        self._until = 0.0

    async def _talk(self, name: int, session: str | None) -> None:
        turn = 0
        while time.monotonic() < self._until:
            outcome = await self._client.ask(f"question {turn} of {name}", session)
            self.outcomes.append(outcome)
            turn += 1
            if outcome.answer is None:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def load(client: Client, urls: Sequence[str]) -> AsyncIterator[Load]:
    """The load, well under way; at the end of the context everybody has finished talking."""
    running = Load(client, urls)
    task = asyncio.create_task(running.run())
    try:
        await running.reaches(lambda: len(running.answered) > 200)
        yield running
    finally:
        running.stop()
        await task
