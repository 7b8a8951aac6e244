"""Requests to LiteLLM that are complete before they are sent: head and body as the bytes that they are.

What aiohttp makes of headers and a body suits those who have dictionaries and streams: it copies the headers
three times, adds some of its own, and before Python 3.12 starts a task to write the body. Here the headers
come as bytes, none is to be added, and the body is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import aiohttp
from aiohttp.connector import Connection
from aiohttp.hdrs import CONTENT_TYPE
from aiohttp.http import StreamWriter
from multidict import CIMultiDict

Headers = list[tuple[bytes, bytes]]
"""Names in small letters, and values."""

AT_ONCE = 2**18
"""The largest body, in bytes, that is written without asking whether the connection has room for it."""


_SET_HERE = frozenset((b"host", b"content-length"))


class Whole:
    """A request that is sent as it is."""

    __slots__ = ("data",)

    def __init__(
        self, method: str, target: str, host: bytes, headers: Headers, body: bytes
    ) -> None:
        """Put a request together.

        Args:
            method: the request's.
            target: its raw path and query.
            host: what it was sent to, where no header says so.
            headers: the others; of the body's length they need not know.
            body: all of it.

        Raises:
            ValueError: there is a line break where it would make a header more.
        """
        lines = [
            f"{method} {target} HTTP/1.1".encode("ascii"),
            b"host: " + dict(headers).get(b"host", host),
            *[name + b": " + value for name, value in headers if name not in _SET_HERE],
            b"content-length: %d" % len(body),
        ]
        head = b"\r\n".join(lines)
        if not head.count(b"\n") == head.count(b"\r") == len(lines) - 1:
            raise ValueError("a header has a line break")
        self.data = b"%b\r\n\r\n%b" % (head, body)


class Request(aiohttp.ClientRequest):
    """aiohttp's request, which can be given a `Whole` as its data."""

    _whole: Whole | None = None
    _skip_auto_headers: CIMultiDict[None] = CIMultiDict(((CONTENT_TYPE, None),))

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        """Add nothing: the headers are those of a caller."""

    def update_body_from_data(self, body: Any, _stacklevel: int = 3) -> None:
        if isinstance(body, Whole):
            self._whole = body
        else:
            super().update_body_from_data(body, _stacklevel + 1)

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if self._whole is None:
            return await super().send(conn)
        protocol = conn.protocol
        if protocol is None or protocol.transport is None or protocol.transport.is_closing():
            raise aiohttp.ClientConnectionResetError("The connection is closing.")
        protocol.transport.write(self._whole.data)
        protocol.start_timeout()
        response = self.response_class(
            self.method,
            self.original_url,
            writer=None,
            continue100=None,
            timer=self._timer,
            request_info=self.request_info,
            traces=self._traces,
            loop=self.loop,
            session=self._session,
            stream_writer=StreamWriter(protocol, self.loop),
        )
        return response


def as_text(headers: Headers) -> CIMultiDict[str]:
    """Headers in the form that aiohttp takes."""
    return CIMultiDict(
        [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    )
