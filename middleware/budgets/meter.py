"""Reads in passing what a call did cost: from LiteLLM's header, or from the usage within a stream.

Every byte goes on as it is, but for a usage that only this gateway asked for. The end of an answer goes on
once the cost is settled: a caller who asks again at once finds the budget as it is, and one who leaves at the
end has paid.
"""

from __future__ import annotations

from typing import Any

import orjson
from starlette.types import Message, Send

from middleware.budgets.reservation import Reservation
from middleware.chat.usage import WithoutUsage
from middleware.sse import EventParser

_LAST = (b"[DONE]", b'"message_stop"', b'"response.completed"', b'"response.incomplete"')


class Meter:
    """An ASGI `send` between LiteLLM's response and the caller."""

    def __init__(self, send: Send, reservation: Reservation, *, hides_usage: bool) -> None:
        self._send = send
        self._reservation = reservation
        self._hiding = WithoutUsage() if hides_usage else None
        self._status = 0
        self._cost: float | None = None
        self._is_stream = False
        self._failed = self._ended = False
        self._parser = EventParser()
        self._error = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start(message)
            await self._send(message)
            return
        piece, more = message.get("body", b""), message.get("more_body", False)
        if self._status >= 400:
            self._error += piece
        if self._is_stream:
            piece = self._read(piece, more)
        if not more or (self._ended and self._cost is not None):
            await self._settle()
        if piece or not more:
            await self._send({**message, "body": piece})

    def _start(self, message: Message) -> None:
        headers = dict(message["headers"])
        self._status = message["status"]
        self._is_stream = headers.get(b"content-type", b"").startswith(b"text/event-stream")
        if not self._is_stream:
            self._cost = _number(headers.get(b"x-litellm-response-cost"))

    def _read(self, piece: bytes, more: bool) -> bytes:
        for data in self._parser.feed(piece):
            self._event(data)
        return self._hiding.feed(piece, more=more) if self._hiding else piece

    def _event(self, data: bytes) -> None:
        self._reservation.delivered(len(data))
        self._ended = self._ended or any(mark in data for mark in _LAST)
        if b'"cost"' not in data and b'"error"' not in data:
            return
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            return
        if not isinstance(event, dict):
            return
        self._failed = self._failed or bool(event.get("error")) or event.get("type") == "error"
        cost = _cost(event)
        self._cost = self._cost if cost is None else cost

    async def _settle(self) -> None:
        if self._status >= 400:
            await self._reservation.refused(self._cost, bytes(self._error))
        elif not self._failed:
            await self._reservation.settle(self._cost)


def _cost(event: dict[str, Any]) -> float | None:
    """Where each of the protocols has the usage, in which LiteLLM puts the cost."""
    for owner in (event, event.get("message"), event.get("response")):
        if isinstance(owner, dict):
            for name in ("usage", "usageMetadata"):
                usage = owner.get(name)
                if isinstance(usage, dict) and isinstance(usage.get("cost"), int | float):
                    return float(usage["cost"])
    return None


def _number(value: bytes | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None
