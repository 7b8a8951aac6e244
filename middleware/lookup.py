"""Answers that are remembered for a while, asked for once however many want them at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from cachetools import TTLCache

T = TypeVar("T")


class Lookup(Generic[T]):
    """A bounded cache in front of something slow. Failures are not remembered."""

    def __init__(self, size: int, seconds: float) -> None:
        """Remember `size` answers at most, each for `seconds`."""
        self._known: TTLCache[str, T] = TTLCache(size, seconds)
        self._asked: dict[str, asyncio.Task[T]] = {}

    async def get(self, name: str, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer known under `name`, else what `ask` gives; raises what `ask` raises.

        A caller that is cancelled does not take the answer from the others.
        """
        try:
            return self._known[name]  # which is faster than `get`, and all that a request does here
        except KeyError:
            pass
        task = self._asked.get(name)
        if task is None:
            task = self._asked[name] = asyncio.ensure_future(self._ask(name, ask))
            task.add_done_callback(lambda done: self._settle(name, done))
        return await asyncio.shield(task)

    def put(self, name: str, answer: T) -> None:
        """Remember an answer that was found in another way."""
        self._known[name] = answer

    async def _ask(self, name: str, ask: Callable[[], Awaitable[T]]) -> T:
        answer = await ask()
        self._known[name] = answer
        return answer

    def _settle(self, name: str, done: asyncio.Task[T]) -> None:
        del self._asked[name]
        if not done.cancelled():
            done.exception()  # seen: whoever asked may have left
