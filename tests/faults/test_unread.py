"""Callers who ask for a stream and then do not read it."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import closing

import pytest

from tests.middleware.history.litellm import MODEL

from .stopping import TEXT
from .ways import ask, call, until

STREAMED = pytest.mark.parametrize("way", ["chat stream", "converse stream"])


def asked(url: str, way: str) -> socket.socket:
    """A connection with little room on which the call was sent, and nothing was read."""
    arguments = call(way)
    body = json.dumps(arguments["json"])
    headers = {**arguments["headers"], "host": "gateway", "content-length": str(len(body))}
    lines = [f"POST {arguments['path']} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, _, port = url.removeprefix("http://").partition(":")
    connection.connect((host, int(port)))
    connection.sendall("\r\n".join([*lines, "", body]).encode())
    connection.setblocking(False)
    return connection


@STREAMED
async def test_who_does_not_read_his_answer_is_not_waited_for_and_gives_his_place_back(
    start, upstream, http, way
):
    url = await start(max_requests=1, model_limits={MODEL: 1}, send_seconds=0.5)
    upstream.stop = "flood"
    with closing(asked(url, way)):
        await until(lambda: upstream.left == 1)
        upstream.stop = ""
        assert (await ask(http, url, way)).text == TEXT


async def test_who_reads_slowly_is_waited_for(start, upstream):
    url, upstream.stop = await start(send_seconds=0.5), "flood"
    loop = asyncio.get_running_loop()
    with closing(asked(url, "chat stream")) as connection:
        for _ in range(
            40
        ):  # two seconds; of a piece that is taken the kernel says nothing by itself
            assert await loop.sock_recv(connection, 4096)
            await asyncio.sleep(0.05)
        assert upstream.left == 0
        await until(lambda: upstream.left == 1)
