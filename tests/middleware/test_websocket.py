from __future__ import annotations

import socket

import aiohttp
import pytest

from middleware.app import create_app
from middleware.settings import Settings
from middleware.unread import GivingUpSocket

from .conftest import eventually, opened, served, state_of


async def test_text_and_bytes_go_both_ways(gateway, http):
    async with http.ws_connect(
        f"{gateway}/v1/realtime?model=m", protocols=("realtime",)
    ) as connection:
        assert connection.protocol == "realtime"
        await connection.send_str("hello")
        assert await connection.receive_str() == "hello"
        await connection.send_bytes(b"\x00\x01")
        assert await connection.receive_bytes() == b"\x00\x01"


async def test_the_upstreams_close_code_reaches_the_caller(gateway, http):
    async with http.ws_connect(f"{gateway}/ws") as connection:
        await connection.send_str("bye")
        assert (await connection.receive()).type is aiohttp.WSMsgType.CLOSE
        assert connection.close_code == 4001


async def test_the_callers_close_reaches_the_upstream(gateway, origin, http):
    async with http.ws_connect(f"{gateway}/ws") as connection:
        await connection.send_str("hello")
        await connection.receive_str()
    await eventually(lambda: origin.left)
    assert origin.left == ["/ws"]


async def test_a_refused_handshake_is_refused_to_the_caller(gateway, http):
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with http.ws_connect(f"{gateway}/refused"):
            pass


async def test_who_reads_no_message_is_not_waited_for(origin, postgres_url, http):
    settings = Settings(litellm_key="sk-service", litellm_url=origin.url, database_url=postgres_url)
    app = create_app(settings)
    options = {"ws": GivingUpSocket, "ws_ping_interval": 0.1, "ws_ping_timeout": 0.2}
    async with served(app, server_header=False, **options) as url:
        connection = await http.ws_connect(f"{await opened(url)}/ws")
        await connection.send_str("flood")
        connection.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection._response.connection.transport.pause_reading()
        await eventually(lambda: origin.left)
        assert origin.left == ["/ws"]
        assert state_of(app).telemetry.active == 0
        await connection.close()
