"""A caller who pauses within the body of a request, on purpose or not: he is waited for, but not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from types import CoroutineType
from typing import Any

from starlette.types import Message, Receive

from middleware.errors import RequestTimeout

SLOWEST = 2**14
"""Bytes per second of the slowest body that is waited for to its end, however small its pieces."""


class Paced:
    """An ASGI server's `receive`, whose body has to come in time: each piece, and all of them."""

    __slots__ = ("_is_whole", "_left", "_receive", "_seconds")

    def __init__(self, receive: Receive, seconds: float) -> None:
        """Wait so many seconds for each piece of the body, and for ever for what follows it.

        All the waiting together may take as long once, and a second more for every `SLOWEST` bytes that
        came. Time in which nobody asks for the next piece is not the caller's, and does not count.
        """
        self._receive = receive
        self._seconds = self._left = seconds
        self._is_whole = False

    def __call__(self) -> Awaitable[Message]:
        """The next message. Raises `RequestTimeout`."""
        return self._receive() if self._is_whole else self._piece()

    async def _piece(self) -> Message:
        coming = self._receive()
        if isinstance(coming, CoroutineType):
            # as a rule it is there, and a timer would cost more than all else here
            try:
                waiting_for = coming.send(None)
            except StopIteration as found:
                return self._known(found.value)
            coming = _Rest(coming, waiting_for)
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(min(self._seconds, self._left)):
                message = await coming
        except TimeoutError:
            raise RequestTimeout from None
        self._left -= clock() - began
        return self._known(message)

    def _known(self, message: Message) -> Message:
        self._is_whole = not message.get("more_body", False)
        if not self._is_whole:
            self._left += len(message.get("body", b"")) / SLOWEST
        return message


class _Rest:
    """What is left of a coroutine that has been started, and waits for something."""

    __slots__ = ("_started", "_waiting_for")

    def __init__(self, started: Coroutine[Any, Any, Message], waiting_for: Any) -> None:
        self._started = started
        self._waiting_for = waiting_for

    def __await__(self) -> Generator[Any, Any, Message]:
        try:
            yield self._waiting_for
        except BaseException as error:
            self._started.throw(error)  # it has to tidy up as well
            raise
        return (yield from self._started.__await__())
