"""The caller of one request: the body it sends, and the moment in which it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

from middleware.errors import CallerGone
from middleware.upstream import Body


class Caller:
    """Reads what the ASGI server receives."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read = asyncio.Event()

    async def body(self) -> Body:
        """The whole body where it arrived in one piece, which is the rule; else a stream of it."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        first: bytes = message.get("body", b"")
        if message.get("more_body"):
            return self._rest(first)
        self._read.set()
        return first or None

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Cancel what runs in this context as soon as the caller leaves, and raise `CallerGone`."""
        worker = asyncio.current_task()
        gone = False

        async def watch() -> None:
            nonlocal gone
            await self._read.wait()
            while (await self._receive())["type"] != "http.disconnect":
                pass
            gone = True
            if worker:
                worker.cancel()

        watcher = asyncio.create_task(watch())
        try:
            yield
        except asyncio.CancelledError:
            if gone and worker and worker.uncancel() == 0:
                raise CallerGone from None
            raise
        finally:
            watcher.cancel()

    async def _rest(self, first: bytes) -> AsyncIterator[bytes]:
        yield first
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise CallerGone
            yield message.get("body", b"")
            more = message.get("more_body", False)
        self._read.set()
