"""Callers who send the body of a request, but never come to its end."""

from __future__ import annotations

import asyncio
import json

from .ways import EVERY_WAY, ask, call


@EVERY_WAY
async def test_a_body_that_comes_a_byte_at_a_time_is_not_waited_for_to_its_end(
    start, upstream, http, way
):
    url = await start(max_requests=1, body_seconds=0.5)
    arguments = call(way)
    body = json.dumps(arguments.pop("json")).encode()

    async def dribble():
        for byte in body:
            yield bytes([byte])
            await asyncio.sleep(0.05)  # longer than `body_seconds` only in all

    async with http.post(
        url + arguments.pop("path"), data=dribble(), headers=arguments["headers"]
    ) as response:
        assert response.status == (408 if "chat" in way else 400)
        assert b"did not arrive in time" in await response.read()
        assert response.headers["connection"] == "close"
    assert upstream.asked == []
    assert (await ask(http, url, way)).status == 200
