"""The head of a request as it comes in: httptools keeps what it is sent, however long that gets."""

from __future__ import annotations

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 2**17
"""Bytes of a request line and its headers. Beyond them the connection ends."""
_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\n"
    b"content-length: 27\r\n"
    b"connection: close\r\n\r\n"
    b"The headers are too large.\n"
)


class BoundedHead(HttpToolsProtocol):
    """uvicorn's protocol, with an end to how long a head may get, and no target that is no path."""

    _in_head = True
    _head = 0

    def data_received(self, data: bytes) -> None:
        was_in_head = self._in_head
        super().data_received(data)
        if not (was_in_head and self._in_head):
            self._head = 0
            return
        self._head += len(data)
        if self._head > MOST_HEAD and not self.transport.is_closing():
            self.transport.write(_REFUSAL)
            self.transport.close()

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        try:
            super().on_headers_complete()
        except httptools.HttpParserInvalidURLError:
            # `CONNECT host:port`: no path of an origin server's (RFC 9112, 3.2)
            self.send_400_response("Invalid HTTP request received.")
