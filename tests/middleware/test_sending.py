from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from yarl import URL

from middleware.sending import AT_ONCE, Line, complete

CALLERS = {
    "authorization": "Bearer sk-abc",
    "content-type": "text/plain",
    "accept-encoding": "gzip",
    "user-agent": "me",
    "accept": "*/*",
}


@pytest.mark.parametrize("size", [0, 1, AT_ONCE, AT_ONCE + 1, 4 * AT_ONCE])
async def test_a_body_of_any_size_arrives_once_with_the_callers_headers(
    gateway, origin, http, size
):
    body = b"x" * size
    async with http.post(
        URL(f"{gateway}/echo?q=%2F", encoded=True), data=body, headers=CALLERS
    ) as response:
        assert await response.read() == (body or b"{}")
    [seen] = [request for request in origin.requests if request["raw_path"] == "/echo"]
    names = [name for name, _ in seen["headers"]]
    assert sorted(names) == sorted(set(names))
    sent = dict(seen["headers"])
    assert seen["query"] == "q=%2F" and sent["host"] == URL(gateway).authority
    assert sent["content-length"] == str(size)
    assert CALLERS.items() <= sent.items()
    own = {"host", "content-length", "x-request-id", "x-forwarded-for", "x-forwarded-proto"}
    assert sent.keys() == CALLERS.keys() | own


async def test_bytes_of_headers_pass_as_they_are(gateway, origin, http):
    async with http.post(f"{gateway}/echo", data=b"{}", headers={"x-name": "Jos\xe9"}) as response:
        assert response.status == 200
    # the client writes UTF-8, in which the server that shows the headers reads them
    assert dict(origin.requests[-1]["headers"])["x-name"] == "Jos\xe9"


@pytest.mark.parametrize("value", [b"a\r\nx-admin: 1", b"a\nb", b"a\rb"])
def test_a_header_cannot_be_two(value):
    with pytest.raises(ValueError, match="line break"):
        complete("POST", "/", b"h", [(b"x-note", value)], b"")


def test_a_request_is_what_http_says():
    headers = [(b"content-length", b"7"), (b"x-a", b"1"), (b"x-a", b"2")]
    assert complete("POST", "/a?b", b"h:1", headers, b"body") == (
        b"POST /a?b HTTP/1.1\r\nhost: h:1\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 4\r\n\r\nbody"
    )


class Server:
    """Answers each request as it is told to, and knows its connections."""

    def __init__(self) -> None:
        self.opened = 0
        self.ended = asyncio.Event()
        self.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        while await reader.read(2**16):
            writer.write(self.answer)
        self.ended.set()
        writer.close()


@asynccontextmanager
async def line_to(server: Server, **timeout: float) -> AsyncIterator[Line]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        address = URL(f"http://127.0.0.1:{port}")
        yield Line(session, address, aiohttp.ClientTimeout(total=None, **timeout), 2**16)
    listener.close()


async def test_a_connection_is_used_again_once_its_answer_was_read():
    server = Server()
    async with line_to(server) as line:
        for _ in range(3):
            response = await line.post("/a", [], b"{}")
            assert await response.read() == b"ok"
    assert server.opened == 1


async def test_who_stops_waiting_for_an_answer_ends_the_connection():
    server = Server()
    server.answer = b""
    async with line_to(server) as line:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await line.post("/a", [], b"{}")
        await asyncio.wait_for(server.ended.wait(), 5)


async def test_a_server_that_is_silent_too_long_is_an_error_and_its_connection_ended():
    server = Server()
    server.answer = b""
    async with line_to(server, sock_read=0.05) as line:
        with pytest.raises(aiohttp.ServerTimeoutError):
            await line.post("/a", [], b"{}")
        await asyncio.wait_for(server.ended.wait(), 5)


async def test_an_answer_that_is_none_is_an_error_and_its_connection_ended():
    server = Server()
    server.answer = b"no http\r\n\r\n"
    async with line_to(server) as line:
        with pytest.raises(aiohttp.ClientError):
            await line.post("/a", [], b"{}")
        await asyncio.wait_for(server.ended.wait(), 5)


async def test_a_closed_session_sends_nothing():
    server = Server()
    async with line_to(server) as line:
        pass
    with pytest.raises(aiohttp.ClientConnectionError):
        await line.post("/a", [], b"{}")
    assert server.opened == 0
