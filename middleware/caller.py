"""The caller of one request: the body it sends, and the moment in which it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Generator
from types import TracebackType
from typing import Any

from starlette.types import Receive

from middleware.errors import CallerGone, RequestTooLarge
from middleware.upstream import Body

MAX_BODY = 64 * 2**20
"""The largest body, in bytes, that the service reads itself."""


class Caller:
    """Reads what the ASGI server receives."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_read = False
        self._read: asyncio.Event | None = None
        """Set at the body's end; made only where somebody waits for that, which is rare."""

    async def body(self) -> Body:
        """The whole body where it arrived in one piece, which is the rule; else a stream of it."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        first: bytes = message.get("body", b"")
        if message.get("more_body"):
            return self._rest(first)
        self._end()
        return first or None

    async def whole(self, limit: int) -> bytes:
        """All of the body. Raises `RequestTooLarge` beyond `limit` bytes."""
        body = await self.body()
        if body is None or isinstance(body, bytes):
            return body or b""
        pieces, size = [], 0
        async for piece in body:
            size += len(piece)
            if size > limit:
                raise RequestTooLarge(f"The request is larger than {limit} bytes.")
            pieces.append(piece)
        return b"".join(pieces)

    def watched(self) -> Watch:
        """A context that is cancelled as soon as the caller leaves, and then raises `CallerGone`."""
        return Watch(self._receive, None if self._is_read else self._waited_for())

    async def _rest(self, first: bytes) -> AsyncIterator[bytes]:
        yield first
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise CallerGone
            yield message.get("body", b"")
            more = message.get("more_body", False)
        self._end()

    def _end(self) -> None:
        self._is_read = True
        if self._read:
            self._read.set()

    def _waited_for(self) -> asyncio.Event:
        self._read = self._read or asyncio.Event()
        return self._read


class Watch:
    """Cancels the task that enters it when the caller leaves.

    Every request is watched, and nearly none is left. So the watching runs without a task of its own, which
    would cost as much as translating the request: it goes on from the future that it waits for.
    """

    __slots__ = ("_gone", "_over", "_read", "_receive", "_task", "_watching", "_worker")

    def __init__(self, receive: Receive, read: asyncio.Event | None) -> None:
        """Watch what `receive` gives once the body is `read`; None where it is already."""
        self._receive = receive
        self._read = read
        self._gone = self._over = False
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._worker = asyncio.current_task()
        self._watching = self._watch()
        self._go_on()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._over = True
        if self._task:
            self._task.cancel()
        else:
            self._watching.close()
        ours = self._gone and isinstance(error, asyncio.CancelledError)
        if ours and self._worker and self._worker.uncancel() == 0:
            raise CallerGone from None

    def _go_on(self, _: object = None) -> None:
        if self._over:
            return
        try:
            waiting_for = self._watching.send(None)
        except StopIteration:
            return
        if isinstance(waiting_for, asyncio.Future):
            waiting_for.add_done_callback(self._go_on)
        else:  # a server with awaitables of its own, which only a task can drive
            self._task = asyncio.create_task(_resumed(self._watching, waiting_for))
            self._task.add_done_callback(lambda _: self._watching.close())

    async def _watch(self) -> None:
        if self._read:
            await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        if self._worker:
            self._worker.cancel()


async def _resumed(started: Coroutine[Any, Any, None], waiting_for: Any) -> None:
    """Drive a coroutine to its end that has been started and waits for something."""

    class Rest:
        def __await__(self) -> Generator[Any, Any, None]:
            yield waiting_for
            return (yield from started.__await__())

    await Rest()
