"""The head of a request as it comes in: httptools keeps what it is sent, however long that gets."""

from __future__ import annotations

import asyncio

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 2**17
"""Bytes of a request line and its headers, or between two pieces of a body. Beyond them a connection ends."""
_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\n"
    b"content-length: 27\r\n"
    b"connection: close\r\n\r\n"
    b"The headers are too large.\n"
)


class BoundedHead(HttpToolsProtocol):
    """uvicorn's protocol, with an end to how long a head may get, and no target that is no path.

    Trailers are dropped (RFC 9110, 6.5.1): uvicorn would put them among the headers of a request that has
    been looked at.
    """

    head_seconds = 30.0
    """How long a head may take from its first byte, or a new connection to its first head."""
    _in_head = True
    _got_on = False
    _head = 0
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience = self.loop.call_later(self.head_seconds, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(for_head=False)
        super().connection_lost(exc)

    def _wait(self, *, for_head: bool) -> None:
        if for_head and self._patience is None:
            self._patience = self.loop.call_later(self.head_seconds, self.transport.close)
        elif not for_head and self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def data_received(self, data: bytes) -> None:
        self._got_on = False
        super().data_received(data)
        self._wait(for_head=self._in_head)
        if self._got_on:
            self._head = 0
            return
        self._head += len(data)
        if self._head > MOST_HEAD and not self.transport.is_closing():
            if self._in_head:  # else an answer may have begun
                self.transport.write(_REFUSAL)
            self.transport.close()

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        self._got_on = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._got_on = True
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._got_on = True
        try:
            super().on_headers_complete()
            # what uvicorn adds to its own list from now on are trailers
            self.scope["headers"] = self.headers.copy()
        except httptools.HttpParserInvalidURLError:
            # `CONNECT host:port`: no path of an origin server's (RFC 9112, 3.2)
            self.send_400_response("Invalid HTTP request received.")
