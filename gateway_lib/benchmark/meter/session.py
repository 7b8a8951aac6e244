"""The connections of the meter to the gateway: as many as there are requests under way."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from gateway_lib.benchmark.meter.connection import Answer, Connection
from gateway_lib.errors import GatewayUnreachable, SettingsError

KEEPALIVE_S = 4.0
"""Shorter than servers keep idle connections: a request into one that is just being closed would fail."""


class Session:
    """Connections to one server; the one that was used last is used next."""

    def __init__(self, url: URL, addresses: list[str], tls: ssl.SSLContext | None) -> None:
        """Connect to the server of `url` at its addresses in turn, over TLS if there is a context."""
        self._addresses = cycle(addresses)
        self._port = url.port or 0
        self._name = url.host if tls else None
        self._tls = tls
        self._idle: list[Connection] = []

    async def send(self, request: bytes, answer: Answer) -> None:
        """Send a request and fill in its answer, up to its end.

        Raises:
            Broken: It did not come to its end.
            OSError: There is no connection.
        """
        connection = self._known() or await self._new()
        await connection.exchange(request, answer)
        if connection.is_open:
            self._idle.append(connection)

    def _known(self) -> Connection | None:
        stale = time.perf_counter() - KEEPALIVE_S
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.idle_since > stale:
                return connection
            connection.close()
        return None

    async def _new(self) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            Connection,
            next(self._addresses),
            self._port,
            ssl=self._tls,
            server_hostname=self._name,
        )
        return connection

    def close(self) -> None:
        """Close what is idle."""
        for connection in self._idle:
            connection.close()


@asynccontextmanager
async def connected(base_url: str, verify: ssl.SSLContext | bool) -> AsyncIterator[Session]:
    """A session with a server.

    Args:
        base_url: Of the server.
        verify: How to verify its certificate: true for the system's authorities.

    Raises:
        GatewayUnreachable: Its name has no address.
        SettingsError: A proxy stands before it.
    """
    url = URL(base_url)
    if getproxies().get(url.scheme) and not proxy_bypass(url.raw_authority):
        raise SettingsError(
            f"a proxy is set for {url.host}, and what is measured would be its latency:"
            f" add {url.host} to no_proxy"
        )
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            url.host, url.port, type=socket.SOCK_STREAM
        )
    except OSError as error:
        raise GatewayUnreachable(f"{url.host}: {error.strerror or error}") from None
    tls = None
    if url.scheme == "https":
        tls = verify if isinstance(verify, ssl.SSLContext) else ssl.create_default_context()
    session = Session(url, list(dict.fromkeys(str(entry[4][0]) for entry in found)), tls)
    try:
        yield session
    finally:
        session.close()
