from __future__ import annotations

import aiohttp
import pytest

from .conftest import eventually


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
