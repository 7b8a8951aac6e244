"""One turn of a conversation: accepted, then ended once, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Protocol, Self

import orjson

from middleware.catalogue import Route
from middleware.chat.answer import Answer
from middleware.chat.shape import is_plain
from middleware.errors import CallerGone, ServiceError
from middleware.exchange import said
from middleware.history.replay import shown
from middleware.history.rows import Past, Reply

Message = dict[str, Any]
CALLER_LEFT = 499
"""The status with which a turn ends whose caller did not wait for it."""


Write = Callable[[Reply], Awaitable[None]]
"""Writes a reply where it belongs; may be tried again."""


class Ending(Protocol):
    """Sees to it that a turn's end is written."""

    def end(self, write: Write, reply: Reply) -> Awaitable[None]:
        """Have it written; returns when it is durable."""

    def end_later(self, write: Write, reply: Reply) -> None:
        """Have it written beside what goes on."""


class Turn:
    """A turn that was accepted. As a context it ends incomplete where what is inside fails."""

    def __init__(self, session_id: str, past: list[Past], write: Write, ending: Ending) -> None:
        self.session_id = session_id
        self.answer = Answer()
        """What the model has said so far; kept even if it does not come to its end."""
        self._past = past
        self._write = write
        self._ending = ending
        self._ended = False

    @property
    def continues(self) -> bool:
        """Whether anything was said before."""
        return bool(self._past)

    def shown(self, messages: list[Message], route: Route) -> Any:
        """What the model is to see: the turns before, and `messages` in the form its provider takes."""
        return shown(self._past, messages, route)

    async def complete(self, cost: float | None) -> None:
        """The model has answered. Not before this returns may the caller learn of the answer's end.

        Args:
            cost: dollars, where a header said so; else the answer's usage may.

        Raises:
            DatabaseUnavailable: it could not be made durable.
        """
        self._ended = True
        reply = self._reply(200, cost, complete=True)
        try:
            await self._ending.end(self._write, reply)
        except asyncio.CancelledError:
            self._ending.end_later(self._write, reply)
            raise

    def break_off(self, status: int) -> None:
        """The turn stays incomplete. Nothing happens to one that has ended."""
        if not self._ended:
            self._ended = True
            self._ending.end_later(self._write, self._reply(status, None, complete=False))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if isinstance(error, ServiceError):
            self.break_off(error.status)
        elif error is not None:
            left = isinstance(error, CallerGone | asyncio.CancelledError)
            self.break_off(CALLER_LEFT if left else 500)

    def _reply(self, status: int, cost: float | None, *, complete: bool) -> Reply:
        answer, message = self.answer, self.answer.message()
        said({"model": answer.model, "usage": answer.usage, "finish_reason": answer.finish})
        return Reply(
            complete=complete,
            status=status,
            message=orjson.dumps(message) if message else None,
            plain=message is None or is_plain([message]),
            served_by=answer.model,
            usage=orjson.dumps(answer.usage) if answer.usage else None,
            cost=answer.cost if cost is None else cost,
        )
