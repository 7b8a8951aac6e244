"""What becomes known of each request: its id, its line in the log, what is counted and traced."""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from middleware.exchange import Exchange, enter
from middleware.logs import line_of, log

_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._:/-]{1,128}")
_STREAMS = (b"text/event-stream", b"application/vnd.amazon.eventstream")
# An event with something that the model said: OpenAI's three protocols, Anthropic's, Converse's, and what
# InvokeModel makes of Anthropic's in base64.
_TOKEN = re.compile(
    rb'"(?:content|reasoning_content|refusal|arguments|thinking|text)": ?"[^"]|contentBlockDelta|'
    rb"content_block_delta|output_text\.delta|eyJ0eXBlIjoiY29udGVudF9ibG9ja19kZWx0"
)


class Tracing(Protocol):
    """Makes the spans of requests."""

    def begin(self, scope: Scope, exchange: Exchange) -> None:
        """Begin the span of a request."""

    def end(self, scope: Scope, exchange: Exchange) -> None:
        """End it."""


class Telemetry:
    """Gives each request an id, and logs, counts and, where there is a collector, traces it.

    An id that the caller sends in `x-request-id` is kept, so that a request can be followed from one
    system to the next.
    """

    def __init__(
        self,
        app: ASGIApp,
        ended: Callable[[Scope, Exchange], None],
        tracing: Tracing | None = None,
    ) -> None:
        """Stand before `app`; `ended` is told of each request's end, `tracing` of its beginning, too."""
        self._app = app
        self._ended = ended
        self._tracing = tracing
        self.active = 0
        """Requests under way, websockets included."""
        self.streams = 0
        """Those of them whose answer is a stream that has begun."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        exchange = Exchange(_request_id(scope), time.perf_counter())
        scope.setdefault("state", {})["exchange"] = exchange
        enter(exchange)

        def observed(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.body":
                piece = message.get("body", b"")
                exchange.sent += len(piece)
                if exchange.is_stream:
                    if not exchange.first and _TOKEN.search(piece):
                        exchange.first = time.perf_counter()
                    exchange.last = piece or exchange.last
            elif message["type"] == "http.response.start":
                exchange.status = message["status"]
                own = (
                    (b"x-request-id", exchange.request_id.encode()),
                    (b"server-timing", exchange.timing()),
                )
                given = message.get("headers", ())
                if _is_stream(given):
                    exchange.is_stream = True
                    self.streams += 1
                message["headers"] = [*given, *own, *exchange.headers]
            elif message["type"] == "websocket.accept":
                exchange.status = 101
            elif message["type"] == "websocket.close" and not exchange.status:
                exchange.status = 403  # with which the server refuses the handshake
            return send(message)  # not awaited here: a coroutine less for every token of a stream

        self.active += 1
        if self._tracing:
            self._tracing.begin(scope, exchange)
        try:
            await self._app(scope, receive, observed)
        finally:
            self.active -= 1
            self.streams -= exchange.is_stream
            self._ended(scope, exchange)
            if self._tracing:
                self._tracing.end(scope, exchange)
            if log.isEnabledFor(logging.INFO):
                # past `logging`, whose records and locks cost more than everything else done here
                try:
                    sys.stdout.buffer.write(line_of(scope, exchange))
                    sys.stdout.buffer.flush()
                except OSError:  # a disk that is full costs the line, not the answer
                    pass


def _is_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    for name, value in headers:
        if name == b"content-type":
            return value.startswith(_STREAMS)
    return False


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ACCEPTABLE_ID.fullmatch(value):
            return str(value.decode())
    return next(_IDS)


def _drawn() -> Iterator[str]:
    """Ids that nobody can guess; the system is asked for 256 of them at a time."""
    length = 32
    while True:
        digits = secrets.token_hex(256 * length // 2)
        yield from (digits[begin : begin + length] for begin in range(0, len(digits), length))


_IDS = _drawn()
