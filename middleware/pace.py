"""A caller who pauses within the body of a request, on purpose or not: he is waited for, but not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from starlette.types import Message, Receive

from middleware.errors import RequestTimeout


class Paced:
    """An ASGI server's `receive`, each of whose pieces of the body has to come in time."""

    __slots__ = ("_is_whole", "_receive", "_seconds")

    def __init__(self, receive: Receive, seconds: float) -> None:
        """Wait so many seconds for each piece of the body, and for ever for what follows it."""
        self._receive = receive
        self._seconds = seconds
        self._is_whole = False

    def __call__(self) -> Awaitable[Message]:
        """The next message. Raises `RequestTimeout`."""
        return self._receive() if self._is_whole else self._piece()

    async def _piece(self) -> Message:
        try:
            async with asyncio.timeout(self._seconds):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout from None
        self._is_whole = not message.get("more_body", False)
        return message
