"""Requests to LiteLLM that are complete before they are sent: head and body as the bytes that they are.

What aiohttp's session does for a request suits those who have dictionaries and streams, redirects, cookies
and proxies: it copies the headers three times, adds some of its own, and before Python 3.12 starts a task to
write the body. Here the headers come as bytes, none is to be added, and the body is there. The pool of
connections, their time limits and the parsing of the answers are aiohttp's as ever.
"""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp.connector import Connection
from aiohttp.helpers import TimerNoop
from aiohttp.http import StreamWriter
from multidict import CIMultiDict
from yarl import URL

Headers = list[tuple[bytes, bytes]]
"""Names in small letters, and values."""

AT_ONCE = 2**18
"""The largest body, in bytes, that is written without asking whether the connection has room for it."""


_SET_HERE = frozenset((b"host", b"content-length"))


class Line:
    """The connections of a session to one server, for requests that are complete."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: URL,
        timeout: aiohttp.ClientTimeout,
        buffer: int,
    ) -> None:
        """Send over the connections of `session`, within its limit.

        Args:
            session: what else is asked of the server goes through it.
            address: the server's; its path is what stands before every target.
            timeout: how long connecting may take, and how long the server may be silent.
            buffer: bytes of an answer that may wait for who reads it, before no more are taken.
        """
        self._session = session
        self._timeout = timeout
        self._buffer = buffer
        self._host = str(address.host_port_subcomponent).encode()
        self._below = address.raw_path.rstrip("/")
        self._loop = asyncio.get_running_loop()
        # where to connect to is all that is asked of it, so that one will do for all of them
        self._to = aiohttp.ClientRequest("POST", address, loop=self._loop, session=session)
        self._info = self._to.request_info

    async def post(self, target: str, headers: Headers, body: bytes) -> aiohttp.ClientResponse:
        """Send a POST and return the response as soon as its headers are there.

        Args:
            target: raw path and query.
            headers: of the body's length they need not know.
            body: all of it.

        Raises:
            aiohttp.ClientError: as a session raises it.
            ValueError: there is a line break where it would make a header more.
        """
        data = complete("POST", self._below + target, self._host, headers, body)
        connector = self._session.connector
        if connector is None:
            raise aiohttp.ClientConnectionError("The session is closed.")
        try:
            connection = await connector.connect(self._to, [], self._timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(f"no connection to {self._to.url}") from error
        try:
            return await self._answered(connection, data)
        except BaseException:
            connection.close()
            raise

    async def _answered(self, connection: Connection, data: bytes) -> aiohttp.ClientResponse:
        protocol = connection.protocol
        if protocol is None or protocol.transport is None or protocol.transport.is_closing():
            raise aiohttp.ClientConnectionResetError("The connection is closing.")
        protocol.set_response_params(
            read_until_eof=True,
            auto_decompress=False,
            read_timeout=self._timeout.sock_read,
            read_bufsize=self._buffer,
        )
        protocol.transport.write(data)
        protocol.start_timeout()
        response = aiohttp.ClientResponse(
            "POST",
            self._to.original_url,
            writer=None,
            continue100=None,
            timer=TimerNoop(),
            request_info=self._info,
            traces=[],
            loop=self._loop,
            session=self._session,
            stream_writer=StreamWriter(protocol, self._loop),
        )
        try:
            return await response.start(connection)
        except BaseException:
            response.close()
            raise


def complete(method: str, target: str, host: bytes, headers: Headers, body: bytes) -> bytes:
    """A request as the bytes that it is.

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
    return b"%b\r\n\r\n%b" % (head, body)


def as_text(headers: Headers) -> CIMultiDict[str]:
    """Headers in the form that aiohttp takes."""
    return CIMultiDict(
        [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    )
