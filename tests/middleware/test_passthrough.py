from __future__ import annotations

import asyncio
import gzip

import aiohttp
import pytest
from yarl import URL

from middleware.settings import Settings

from .conftest import eventually, served


async def test_method_path_query_headers_and_body_arrive_as_they_were_sent(gateway, origin, http):
    url = URL(f"{gateway}/a/arn%3Aaws%2Fx%20y?q=%2F&q=2&empty=", encoded=True)
    headers = {
        "authorization": "Bearer sk-abc",
        "x-many": "1",
        "accept-encoding": "gzip",
        "user-agent": "me",
    }
    async with http.request("PATCH", url, data=b"\x00\xff", headers=headers) as response:
        assert await response.read() == b"\x00\xff"
    seen = origin.requests[-1]
    assert seen["method"] == "PATCH"
    assert seen["raw_path"] == "/a/arn%3Aaws%2Fx%20y"
    assert seen["query"] == "q=%2F&q=2&empty="
    sent = dict(seen["headers"])
    assert sent["authorization"] == "Bearer sk-abc"
    assert sent["user-agent"] == "me" and sent["accept-encoding"] == "gzip"
    assert sent["host"] == URL(gateway).authority
    assert sent["x-forwarded-for"] == "127.0.0.1" and sent["x-forwarded-proto"] == "http"


async def test_headers_of_one_connection_stay_on_it(gateway, origin, http):
    headers = {
        "connection": "keep-alive, x-hop",
        "x-hop": "1",
        "te": "trailers",
        "x-forwarded-for": "6.6.6.6",
    }
    async with http.get(f"{gateway}/echo", headers=headers):
        pass
    sent = dict(origin.requests[-1]["headers"])
    assert "x-hop" not in sent and "te" not in sent
    assert sent["x-forwarded-for"] == "127.0.0.1"


@pytest.mark.parametrize("code", [200, 204, 304, 400, 401, 404, 422, 429, 500, 503])
async def test_status_and_headers_come_back(gateway, http, code):
    async with http.get(f"{gateway}/status?code={code}") as response:
        assert response.status == code
        assert response.headers["retry-after"] == "7"
        assert response.headers["x-litellm-model-id"] == "m"
        assert response.headers.getall("x-request-id") != ["theirs"]
        assert len(response.headers.getall("x-request-id")) == 1


async def test_encoded_bodies_stay_encoded(gateway, http):
    async with http.get(f"{gateway}/gzip") as response:
        assert response.headers["content-encoding"] == "gzip"
        assert gzip.decompress(await response.read()) == b"squeezed" * 50


async def test_redirects_and_repeated_headers_are_the_callers(gateway, http):
    async with http.get(f"{gateway}/redirect", allow_redirects=False) as response:
        assert response.status == 307 and response.headers["location"] == "/elsewhere"
        assert response.headers.getall("set-cookie") == ["a=1", "b=2"]


async def test_head_has_headers_and_no_body(gateway, http):
    async with http.head(f"{gateway}/status?code=200") as response:
        assert response.headers["content-length"] == "24"
        assert await response.read() == b""


async def test_uploads_stream_in_pieces(gateway, origin, http):
    async def pieces():
        for _ in range(3):
            yield b"x" * 200_000
            await asyncio.sleep(0.05)

    async with http.post(f"{gateway}/echo", data=pieces()) as response:
        assert len(await response.read()) == 600_000
    assert len([size for size in origin.pieces if size]) >= 3


async def test_the_first_event_arrives_before_the_last_is_made(gateway, origin, http):
    async with http.get(f"{gateway}/stream") as response:
        assert await response.content.readany() == b"data: one\n\n"
        origin.release.set()
        assert await response.content.read() == b"data: two\n\n"


@pytest.mark.parametrize("path", ["stream", "silent"])
async def test_a_caller_that_leaves_ends_the_upstream_request(gateway, origin, http, path):
    request = asyncio.create_task(_read(http, f"{gateway}/{path}"))
    while not origin.requests:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    request.cancel()
    await eventually(lambda: origin.left)
    assert origin.left == [f"/{path}"]


async def test_an_upstream_that_breaks_off_breaks_the_callers_connection(gateway, http):
    with pytest.raises(aiohttp.ClientPayloadError):
        await _read(http, f"{gateway}/cut")


async def test_a_silent_upstream_is_a_504_in_openais_shape(gateway, origin, http):
    async with http.get(f"{gateway}/silent") as response:
        assert response.status == 504
        error = (await response.json())["error"]
        assert error["code"] == "upstream_timeout" and set(error) == {
            "message",
            "type",
            "param",
            "code",
        }
    await eventually(lambda: origin.left)
    assert origin.left == ["/silent"]


async def test_an_absent_upstream_is_a_503_with_retry_after(postgres_url, http):
    from middleware.app import create_app

    settings = Settings(
        litellm_key="sk-service", litellm_url="http://127.0.0.1:9", database_url=postgres_url
    )
    async with served(create_app(settings)) as url, http.get(f"{url}/v1/models") as response:
        assert response.status == 503 and response.headers["retry-after"] == "1"
        text = await response.text()
        assert '"upstream_unavailable"' in text and "127.0.0.1" not in text


async def test_hundreds_of_requests_share_connections_and_mix_nothing_up(gateway, http):
    async def one(number: int) -> None:
        async with http.post(f"{gateway}/echo", data=str(number).encode()) as response:
            assert await response.read() == str(number).encode()

    await asyncio.gather(*(one(number) for number in range(300)))


async def _read(http, url) -> bytes:
    async with http.get(url) as response:
        return await response.read()
