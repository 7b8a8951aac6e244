"""One HTTP/1.1 connection of the meter, which notes when each piece of an answer came.

A client library would wake a coroutine for every piece and take the time there, after whatever else
waits in the event loop. Here the time is taken where the bytes come in, a request is one write of bytes
made beforehand, and nothing else happens until the answer has ended: a token costs the meter a few
microseconds, and its moment is that of its arrival.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import cast

import httptools


class Broken(Exception):
    """The connection ended, or what came over it is not HTTP."""


@dataclass(slots=True)
class Answer:
    """What came of a request so far; moments are `time.perf_counter`'s.

    Attributes:
        headers_at: When the headers were there.
        status: Of the response.
        headers: By lower-case name.
        pieces: Of the body, each with its moment.
    """

    headers_at: float | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """Sends one request at a time; `is_open` and `idle_since` say whether it can take another."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None
        self._ended: asyncio.Future[None] | None = None
        self._moment = 0.0
        self._until_closed = False
        self.is_open = False
        self.idle_since = 0.0

    async def exchange(self, request: bytes, answer: Answer) -> None:
        """Send a request and fill in its answer, up to its end.

        Raises:
            Broken: It did not come to its end.
        """
        assert self._transport is not None  # noqa: S101 - only connected ones are handed out
        self._answer = answer
        self._ended = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            await self._ended
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._answer = self._ended = None
            self.idle_since = time.perf_counter()

    def close(self) -> None:
        """End the connection at once."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    # of asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is no subclass
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        self._moment = time.perf_counter()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"not HTTP: {error}")
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._until_closed and error is None:
            self._finish()
        self._fail(str(error) if error else "the connection was closed before the answer's end")

    # of the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._answer is not None:
            self._answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        answer = self._answer
        if answer is not None:
            answer.headers_at, answer.status = self._moment, self._parser.get_status_code()
            self._until_closed = not answer.headers.keys() & {"content-length", "transfer-encoding"}

    def on_body(self, piece: bytes) -> None:
        if self._answer is not None:
            self._answer.pieces.append((self._moment, piece))

    def on_message_complete(self) -> None:
        answer = self._answer
        if answer is not None and answer.status is not None and answer.status < 200:
            answer.headers.clear()  # an interim response; the real one follows
            return
        if not self._parser.should_keep_alive():
            self.close()
        self._finish()

    def _finish(self) -> None:
        self._until_closed = False
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _fail(self, reason: str) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(Broken(reason))
