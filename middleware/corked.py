"""The head of an answer, which goes out in one write with what follows it at once.

uvicorn writes head and body of an answer one after the other, and uvloop hands each write to the system by
itself. A head that nothing follows at once, as of a stream that is slow to begin, waits for no more than the
other work that the event loop has just then.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from middleware.intake.wire import BoundedHead


class Corked:
    """The transport of one answer until it has begun, as far as uvicorn uses it for that."""

    __slots__ = ("_cycle", "_head", "_loop", "_transport")

    def __init__(self, cycle: RequestResponseCycle, loop: asyncio.AbstractEventLoop) -> None:
        self._cycle = cycle
        self._loop = loop
        self._head = b""
        self._transport = cycle.transport

    def write(self, data: bytes) -> None:
        """Write `data`: the first of an answer with what comes next, or else a moment later."""
        if not self._head:
            self._head = data
            self._loop.call_soon(self._uncork)
            return
        head, self._head = self._head, b""
        self._transport.write(head + data)
        self._cycle.transport = self._transport

    def close(self) -> None:
        """Close the connection once all is sent."""
        self._uncork()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether it is being closed already."""
        return self._transport.is_closing()

    def _uncork(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)
        self._cycle.transport = self._transport


def cork(cycle: RequestResponseCycle, loop: asyncio.AbstractEventLoop) -> None:
    """Have an answer begin with one write."""
    cycle.transport = cast("Any", Corked(cycle, loop))


class CorkedAnswers(BoundedHead):
    """The protocol of a connection, each of whose answers begins with one write."""

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.cycle is not None:  # which never began to answer, or it is so already
            self.cycle.transport = self.transport

    def on_headers_complete(self) -> None:
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not None and self.cycle is not before:
            cork(self.cycle, self.loop)
