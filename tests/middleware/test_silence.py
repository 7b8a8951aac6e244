from __future__ import annotations

import asyncio

import aiohttp
import pytest

from middleware.silence import Connector

SECONDS = 3.0


@pytest.fixture
async def client():
    timeout = aiohttp.ClientTimeout(total=None, sock_read=SECONDS)
    async with aiohttp.ClientSession(connector=Connector(), timeout=timeout) as session:
        yield session


@pytest.fixture
async def server():
    """A raw server: it sends a head, then pieces with pauses as the path's numbers say, in milliseconds."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            while (await reader.readline()).strip():
                pass
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for pause in head.split()[1].decode().strip("/").split("/"):
                await asyncio.sleep(int(pause) / 1000)
                writer.write(b"1\r\nx\r\n")
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield "http://{}:{}".format(*listening.sockets[0].getsockname())
    listening.close()


async def test_a_stream_may_last_longer_than_its_pauses(client, server):
    pauses = "/".join(["100"] * 40)
    async with client.get(f"{server}/{pauses}") as response:
        assert await response.read() == b"x" * 40


async def test_a_pause_that_is_too_long_ends_it_after_what_had_come(client, server):
    async with client.get(f"{server}/0/20/20/60000") as response:
        heard = b""
        with pytest.raises(aiohttp.SocketTimeoutError):
            while True:
                heard += await response.content.readany()
        assert heard == b"xxx"


async def test_a_shorter_time_counts_at_once(client, server):
    long = aiohttp.ClientTimeout(total=None, sock_read=3600)
    async with client.get(f"{server}/0/60000", timeout=long) as response:
        response.connection.protocol.read_timeout = SECONDS
        response.connection.protocol.start_timeout()
        with pytest.raises(aiohttp.SocketTimeoutError):
            await response.read()
