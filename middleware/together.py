"""Work of several calls done at once: what comes while the last batch is under way makes the next.

A statement costs the service mostly the send that wakes the database. Alone, a call waits for nobody; in a
crowd it shares that send with those that came meanwhile. Nothing is delayed to make a batch larger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from middleware.database import DatabaseUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


class Together(Generic[Item, Result]):
    """Gathers items and has them worked on in batches, one batch after the other."""

    def __init__(
        self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], most: int = 64
    ) -> None:
        """Gather for `work`.

        Args:
            work: given items in the order in which they came, it returns a result for each. Where it raises,
                they are given to it one by one, but for `DatabaseUnavailable`, which is nobody's fault.
            most: items in a batch at most.
        """
        self._work = work
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._running: asyncio.Task[None] | None = None

    async def do(self, item: Item) -> Result:
        """Have it done with whatever else waits; raises what `work` raises for it.

        Who is cancelled while waiting does not take the item back.
        """
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._running is None:
            # in a context of its own: what it does is not done for the one call that began it
            self._running = asyncio.create_task(self._run(), context=Context())
        return await done

    async def _run(self) -> None:
        try:
            while batch := self._waiting[: self._most]:
                del self._waiting[: self._most]
                await self._do(batch)
        finally:
            self._running = None

    async def _do(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._work([item for item, _ in batch])
        except Exception as error:
            if len(batch) == 1 or isinstance(error, DatabaseUnavailable):
                for _, done in batch:
                    _settle(done, error)
                return
            for single in batch:  # one of them spoils it, the others need not suffer
                await self._do([single])
        else:
            for (_, done), result in zip(batch, results, strict=True):
                _settle(done, result)


def _settle(done: asyncio.Future[Result], outcome: Result | Exception) -> None:
    if done.done():  # its caller has left
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
