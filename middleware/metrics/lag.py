"""How late the event loop is: every request waits as long, too."""

from __future__ import annotations

import asyncio

from middleware.metrics.instruments import LAG

_EVERY_SECONDS = 0.5


class Lag:
    """Looks twice a second how late a timer runs."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        self._plan(asyncio.get_running_loop())

    async def close(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _plan(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + _EVERY_SECONDS
        self._timer = loop.call_at(self._due, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        LAG.observe(max(0.0, loop.time() - self._due))
        self._plan(loop)
