"""More requests than the service may have under way: refused at once, each in its caller's protocol."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from tests.middleware.history.conftest import KEY, bearer

from .stopping import TEXT
from .ways import EVERY_WAY, WAYS, ask, call, until

LIMIT = 20


@EVERY_WAY
async def test_one_more_is_refused_at_once_and_told_when_to_come_again(start, upstream, http, way):
    url, upstream.stop = await start(max_requests=1), "before"
    running = asyncio.create_task(ask(http, url, way))
    await until(lambda: upstream.running == 1)
    seen = await ask(http, url, way)
    expected = "gateway_overloaded" if "chat" in way else "ServiceUnavailableException"
    assert (seen.status, seen.error, seen.headers["retry-after"]) == (503, expected, "1")
    assert not running.done() and len(upstream.asked) == 1
    upstream.go_on()
    assert (await running).text == TEXT
    assert (await ask(http, url, way)).text == TEXT


async def test_a_crowd_is_served_up_to_the_limit_and_the_rest_is_refused_before_anybody_is_answered(
    start, upstream, http
):
    url, upstream.stop = await start(max_requests=LIMIT), "before"
    crowd = [asyncio.create_task(ask(http, url, WAYS[n % 4])) for n in range(10 * LIMIT)]
    # all of them while those who are served still wait
    await until(lambda: sum(one.done() for one in crowd) == 9 * LIMIT)
    refused = [one.result() for one in crowd if one.done()]
    assert {(one.status, one.headers["retry-after"]) for one in refused} == {(503, "1")}
    await until(lambda: upstream.running == LIMIT)
    upstream.go_on()
    answered = [one.text for one in await asyncio.gather(*crowd) if one.status == 200]
    assert answered == [TEXT] * LIMIT and upstream.most == LIMIT


@EVERY_WAY
@pytest.mark.parametrize("limit", ["max_requests", "max_upstream_connections"])
async def test_health_is_told_and_counters_are_read_however_much_there_is_to_do(
    start, upstream, http, way, limit
):
    url, upstream.stop = await start(**{limit: 1}), "before"
    running = asyncio.create_task(ask(http, url, way))
    await until(lambda: upstream.running == 1)
    for path, status in (("/livez", 200), ("/readyz", 200), ("/metricz", 403)):
        async with http.get(url + path, headers=bearer(KEY)) as response:
            assert response.status == status, path
    upstream.go_on()
    await running


async def test_who_leaves_and_who_fails_gives_his_place_back(start, upstream, http):
    url, upstream.stop = await start(max_requests=1), "before"
    leaving = asyncio.create_task(ask(http, url, "chat stream"))
    await until(lambda: upstream.running == 1)
    leaving.cancel()
    await until(lambda: upstream.left == 1)
    upstream.stop = "cut"
    for way in WAYS:
        seen = await ask(http, url, way)
        assert seen.text is None and seen.error != "gateway_overloaded"
    upstream.stop = ""
    assert (await ask(http, url, "converse")).text == TEXT


async def test_other_interfaces_are_refused_in_their_own_words(start, upstream, http):
    url, upstream.stop = await start(max_requests=1), "before"
    running = asyncio.create_task(ask(http, url, "chat"))
    await until(lambda: upstream.running == 1)
    async with http.post(f"{url}/v1/messages", json={}, headers=bearer(KEY)) as response:
        assert response.status == 503 and response.headers["retry-after"] == "1"
        assert (await response.json())["type"] == "error"
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(f"{url}/v1/realtime?model=any", headers=bearer(KEY))
    upstream.go_on()
    assert (await running).text == TEXT


@EVERY_WAY
async def test_who_does_not_send_his_body_is_not_waited_for_and_gives_his_place_back(
    start, upstream, http, way
):
    url = await start(max_requests=1, body_seconds=2)
    arguments = call(way)
    body = json.dumps(arguments.pop("json")).encode()
    never = asyncio.Event()

    async def slowly():
        yield body[:20]
        await never.wait()

    async with http.post(
        url + arguments.pop("path"), data=slowly(), headers=arguments["headers"]
    ) as response:
        told = await response.read()
        assert response.headers["connection"] == "close"
        if "chat" in way:
            assert response.status == 408 and b'"request_timeout"' in told
        else:
            assert response.status == 400
            assert response.headers["x-amzn-errortype"] == "ValidationException"
        assert b"did not arrive in time" in told
    assert upstream.asked == []
    assert (await ask(http, url, way)).text == TEXT


async def test_an_upload_that_is_passed_on_piece_by_piece_is_not_waited_for_either(
    start, upstream, http
):
    url = await start(body_seconds=0.3)
    never = asyncio.Event()

    async def slowly():
        yield b"the beginning"
        await never.wait()

    async with http.post(f"{url}/v1/files", data=slowly(), headers=bearer(KEY)) as response:
        assert response.status == 408 and (await response.json())["error"]["code"] == (
            "request_timeout"
        )
