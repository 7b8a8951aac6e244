"""A clock that wakes an event loop when requests are due, to a tenth of a millisecond.

Timers of event loops are rounded up to whole milliseconds (epoll's resolution), which would be half a
millisecond of lag on average, of the meter's own making. A thread that sleeps is exact, and costs a
wake-up per request.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence


class Clock:
    """Calls `fire(0)`, `fire(1)`, ... in the loop, each at its moment on `time.perf_counter`."""

    def __init__(self, moments: Sequence[float], fire: Callable[[int], None]) -> None:
        """Prepare for ascending `moments`."""
        self._moments = moments
        self._fire = fire
        self._stop = threading.Event()

    async def run(self) -> None:
        """Run to the last moment, or until stopped."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        thread = threading.Thread(target=self._tick, args=(loop, ended), daemon=True, name="clock")
        thread.start()
        try:
            await ended
        finally:
            self.stop()
            thread.join()

    def stop(self) -> None:
        """Fire nothing more."""
        self._stop.set()

    def _tick(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
        for index, moment in enumerate(self._moments):
            wait = moment - time.perf_counter()
            if self._stop.wait(wait) if wait > 0 else self._stop.is_set():
                break
            loop.call_soon_threadsafe(self._fire, index)
        loop.call_soon_threadsafe(_resolve, ended)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
