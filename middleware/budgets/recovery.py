"""Ends reservations: at once, when LiteLLM's spend log says what a call did cost, or for a dead replica.

A replica says every few seconds that it is there. Once one has been silent for long enough the others look up
what its calls did cost; one of which LiteLLM knows nothing has cost all that was held for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from middleware.budgets.books import Books, Lost
from middleware.budgets.errors import BudgetsUnavailable
from middleware.budgets.ledger import Ledgers
from middleware.budgets.money import dollars, nano
from middleware.budgets.reservation import Held
from middleware.database import DatabaseUnavailable
from middleware.errors import UpstreamUnavailable
from middleware.metrics.instruments import BOOKED
from middleware.settings import Settings
from middleware.upstream import Upstream

T = TypeVar("T")
log = logging.getLogger("middleware")
_SETTLE_SECONDS = 5.0
"""How long an answer waits for its cost to be written."""
_AGAIN_SECONDS = 0.5
_GIVE_UP_SECONDS = 10.0
_GONE = (DatabaseUnavailable, asyncpg.PostgresError, BudgetsUnavailable)


class Recovery:
    """Works beside the calls."""

    def __init__(
        self, settings: Settings, books: Books, ledgers: Ledgers, upstream: Upstream, replica: UUID
    ) -> None:
        self._books = books
        self._ledgers = ledgers
        self._upstream = upstream
        self._key = settings.litellm_key.get_secret_value()
        self._log_seconds = settings.budget_log_seconds
        self._silence_seconds = settings.budget_silence_seconds
        self._replica = replica
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: set[asyncio.Task[None]] = set()
        self._beating: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        self._beating = asyncio.create_task(self._beat())

    async def close(self) -> None:
        """Wait for what is being written; what is still looked up is left to the other replicas."""
        self._closing = True
        for task in (*self._looking, *([self._beating] if self._beating else [])):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GIVE_UP_SECONDS)
        for task in self._tasks:
            task.cancel()
        try:
            await self._books.retire()
        except _GONE:
            log.warning("other replicas could not be told that this one stops")

    async def settle(self, held: Held, cost: int, source: str) -> None:
        """End a reservation. Returns when it is written, or after a while, and goes on trying beside."""
        if cost > held.amount:
            log.warning(
                "a call cost more than was held for it",
                extra={"call": str(held.call), "cost": cost, "held": held.amount},
            )
        task = self._run(self._settled(held, cost, source), self._tasks)
        await asyncio.wait([task], timeout=_SETTLE_SECONDS)

    def look_up(self, held: Held, otherwise: int) -> None:
        """End a reservation with what LiteLLM's spend log says, or with `otherwise` where it says nothing."""
        self._run(self._looked_up(held, otherwise), self._looking)

    def undo(self, held: Held) -> None:
        """End a reservation of which nobody knows how far it came; its call was not made."""
        self._run(self._settled(held, 0, "not sent"), self._tasks)

    def renew(self, ledgers: Sequence[int]) -> None:
        """Make copies anew, of which nobody knows what is in them."""

        async def renewed() -> None:
            await asyncio.sleep(_AGAIN_SECONDS)  # what was on its way to Redis has arrived by then
            for number in ledgers:
                epoch = await self._ledgers.epoch((await self._books.ends([number]))[0])
                await self._books.renew(number, epoch)

        self._run(_until_done(renewed), self._tasks)

    def _run(
        self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        among.add(task)
        task.add_done_callback(among.discard)
        return task

    async def _settled(self, held: Held, cost: int, source: str) -> None:
        numbers = [ledger.id for ledger in held.ledgers]

        booked = await _until_done(lambda: self._books.book(held.call, numbers, cost, source))
        BOOKED.labels(source).inc(dollars(booked))
        await _until_done(lambda: self._ledgers.settle(str(held.call), held.ledgers, booked))

    async def _looked_up(self, held: Held, otherwise: int) -> None:
        deadline, pause = time.monotonic() + self._log_seconds, _AGAIN_SECONDS
        while True:
            found = await self._logged(held.call)
            if found is not None or time.monotonic() >= deadline:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0, max(0.05, deadline - time.monotonic()))
        cost, source = (otherwise, "bound") if found is None else (found, "log")
        self._run(self._settled(held, cost, source), self._tasks)

    async def _logged(self, call: UUID) -> int | None:
        """What LiteLLM has booked for a call, in nano-dollars; None where it knows of none."""
        try:
            status, rows = await self._upstream.ask(f"/spend/logs?request_id={call}", self._key)
        except UpstreamUnavailable:
            return None
        if status != 200 or not isinstance(rows, list) or not rows:
            return None
        spends = [row.get("spend") for row in rows if isinstance(row, dict)]
        return nano(sum(spend for spend in spends if isinstance(spend, int | float)))

    async def _beat(self) -> None:
        steady = time.monotonic()
        while True:
            try:
                await self._books.appear()
                # others may have been cut off from the database as this replica was: wait for them
                if time.monotonic() - steady > self._silence_seconds:
                    await self._sweep()
            except _GONE:
                steady = time.monotonic()
            await asyncio.sleep(min(5.0, self._silence_seconds / 3))

    async def _sweep(self) -> None:
        for replica in await self._books.silent(self._silence_seconds):
            lost = await self._books.lost(replica)
            ended = [await self._recovered(call) for call in lost]
            if all(ended):
                await self._forget(replica)

    async def _recovered(self, lost: Lost) -> bool:
        """End a call of a dead replica; False where LiteLLM may still say what it did cost."""
        found = await self._logged(lost.call)
        if found is None and lost.seconds < self._silence_seconds + self._log_seconds:
            return False
        ledgers = await self._books.ends(lost.ledgers)
        cost, source = (lost.amount, "bound") if found is None else (found, "log")
        booked = await self._books.book(lost.call, lost.ledgers, cost, source)
        BOOKED.labels(source).inc(dollars(booked))
        await self._ledgers.settle(str(lost.call), ledgers, booked)
        return True

    async def _forget(self, replica: UUID) -> None:
        """What it held in Redis alone was never written, and goes with copies made anew."""
        for number in await self._ledgers.touched_by(str(replica)):
            for ledger in await self._books.ends([number]):
                if epoch := await self._ledgers.epoch(ledger):
                    await self._books.renew(number, epoch)
        await self._ledgers.forget(str(replica))
        await self._books.vanish(replica)
        log.info("the calls of a replica that is gone are settled", extra={"replica": str(replica)})


async def _until_done(work: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await work()
        except _GONE:
            await asyncio.sleep(_AGAIN_SECONDS)
