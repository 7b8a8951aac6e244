"""One model's calls: so many under way, the others in a bounded queue, each for a bounded time.

A slot that becomes free is handed to the next waiter at once, and is his from then on: it is never free for
whoever happens to come before he wakes up. So there are waiters only while every slot is taken, and a
waiter who is cancelled between the handing and the waking gives it to the next.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import ceil

from middleware.admission.errors import Overloaded
from middleware.admission.waiting import Waiter, Waiting

MAX_RETRY_SECONDS = 60
"""The longest wait that is asked of a caller; OpenAI's clients take no longer one."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a queue may be, and how long a call may be in it, in seconds."""

    length: int
    seconds: float


class Lane:
    """The slots of one model."""

    __slots__ = ("_bounds", "_let_in", "_rush_began", "in_flight", "limit", "waiting")

    def __init__(self, limit: int, bounds: Bounds) -> None:
        """Have `limit` slots, at least one."""
        self.limit = limit
        self.in_flight = 0
        self.waiting = Waiting()
        self._bounds = bounds
        self._rush_began = 0.0
        self._let_in = 0

    def enter(self) -> bool:
        """Take a slot if one is free, which no waiter can be waiting for; `leave` gives it back."""
        free = self.in_flight < self.limit
        if free:
            self.in_flight += 1
        return free

    async def wait(self, priority: int) -> None:
        """Wait for a slot where none is free, and take it; `leave` gives it back.

        Raises:
            Overloaded: the queue is full of calls that go before this one, or the wait was too long.
        """
        loop = asyncio.get_running_loop()
        self._make_room(priority, loop.time())
        waiter: Waiter = loop.create_future()
        self.waiting.add(priority, waiter)
        timer = loop.call_later(self._bounds.seconds, self._expire, priority, waiter)
        try:
            granted = await waiter
        except BaseException:  # the caller left, perhaps with the slot already his
            self.waiting.remove(priority, waiter)
            if waiter.done() and not waiter.cancelled() and waiter.result():
                self.leave()
            raise
        finally:
            timer.cancel()
        if not granted:
            raise self._overloaded()

    def leave(self) -> None:
        """Give a slot back: to the next waiter, if there is one."""
        while self.waiting:
            waiter = self.waiting.first()
            if not waiter.done():  # else its caller has left in this moment
                self._let_in += 1
                waiter.set_result(True)
                return
        self.in_flight -= 1

    def _make_room(self, priority: int, now: float) -> None:
        """See to it that one more may wait: a full queue loses its last, if that would go after this call."""
        if not self.waiting:
            self._rush_began, self._let_in = now, 0
        if len(self.waiting) < self._bounds.length:
            return
        if not self.waiting or self.waiting.worst <= priority:
            raise self._overloaded()
        _refuse(self.waiting.last())

    def _expire(self, priority: int, waiter: Waiter) -> None:
        self.waiting.remove(priority, waiter)
        _refuse(waiter)

    def _overloaded(self) -> Overloaded:
        return Overloaded(
            f"All {self.limit} calls that this model may serve at once are under way, and "
            f"{len(self.waiting)} wait. Try again later.",
            self._retry_seconds(),
        )

    def _retry_seconds(self) -> int:
        """When those who wait now will have gone, at the pace since they began to."""
        if not self._let_in:
            return 1
        pace = (asyncio.get_running_loop().time() - self._rush_began) / self._let_in
        return min(max(ceil(pace * (len(self.waiting) + 1)), 1), MAX_RETRY_SECONDS)


def _refuse(waiter: Waiter) -> None:
    if not waiter.done():
        waiter.set_result(False)
