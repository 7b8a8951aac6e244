"""A request's body that was read already, or one in its place, for whoever reads it next."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import Message, Receive


class Again:
    """An ASGI server's `receive`, with a message before those that are still to come."""

    __slots__ = ("_first", "_receive")

    def __init__(self, first: Message, receive: Receive) -> None:
        """Give `first`, and then what `receive` gives."""
        self._first: Message | None = first
        self._receive = receive

    def __call__(self) -> Awaitable[Message]:
        """The next message."""
        if self._first is None:
            return self._receive()
        first, self._first = self._first, None
        return _given(first)


async def _given(message: Message) -> Message:
    return message


def again(body: bytes, receive: Receive) -> Again:
    """A `receive` that gives a whole body before it gives what `receive` does."""
    return Again({"type": "http.request", "body": body, "more_body": False}, receive)
