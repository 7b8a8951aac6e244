"""Which web pages may call the gateway."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from pydantic import ValidationError

from middleware.settings import Settings

ASKED = (b"access-control-request-method: POST", b"access-control-request-headers: authorization")
PAGE = "https://app.example.com"


def granted(answer) -> bytes:
    lines = answer.head.lower().split(b"\r\n")
    return b"".join(line for line in lines if line.startswith(b"access-control"))


@pytest.mark.parametrize("origin_of", [b"https://evil.example", b"null", PAGE.encode()])
async def test_no_page_may_by_default(wire, origin_of):
    for path in ("/cors", "/livez", "/v1/embeddings", "/bedrock/model/x/converse", "/key/generate"):
        answer = await wire.ask(path, b"{}", b"origin: " + origin_of)
        assert granted(answer) == b"", answer.head
        preflight = await wire.ask(path, b"", b"origin: " + origin_of, *ASKED, method=b"OPTIONS")
        assert granted(preflight) == b""


async def test_a_page_that_is_listed_may(start):
    wire = await start(cors_origins=f"{PAGE}, http://localhost:5173")
    for path in ("/livez", "/cors"):
        answer = await wire.ask(path, b"", f"origin: {PAGE}".encode(), method=b"GET")
        found = granted(answer)
        assert b"access-control-allow-origin: https://app.example.com" in found
        assert b"credentials" not in found and b"*" not in found
    preflight = await wire.ask(
        "/v1/embeddings", b"", f"origin: {PAGE}".encode(), *ASKED, method=b"OPTIONS"
    )
    assert preflight.status == 200 and b"allow-headers: authorization" in granted(preflight)
    for other in (b"https://evil.example", b"https://app.example.com.evil.example", b"null"):
        assert granted(await wire.ask("/cors", b"", b"origin: " + other, method=b"GET")) == b""


async def test_a_page_that_is_listed_may_read_why_it_is_refused(start):
    page = f"origin: {PAGE}".encode()
    wire = await start(cors_origins=PAGE)
    for path, headers, status in (
        ("/v1/../models", (), 400),
        ("/v1/models", (b"content-encoding: br",), 415),
        ("/v1/models", [b"x-many: 1"] * 130, 431),
    ):
        answer = await wire.ask(path, b"{}", page, *headers)
        assert answer.status == status
        assert b"allow-origin: https://app.example.com" in granted(answer), answer.head
        assert granted(await wire.ask(path, b"{}", b"origin: null", *headers)) == b""
    full = await start(cors_origins=PAGE, max_requests=1)
    _, writer = await asyncio.open_connection(*full.url.removeprefix("http://").split(":"))
    try:
        writer.write(b"POST /v1/models HTTP/1.1\r\nhost: g\r\ncontent-length: 9\r\n\r\n")
        answer = await full.ask("/v1/models", b"{}", page)
        while answer.status != 503:  # until the first has its place
            answer = await full.ask("/v1/models", b"{}", page)
    finally:
        writer.close()
    assert b"allow-origin: https://app.example.com" in granted(answer)


@pytest.mark.parametrize(
    "text", ["*", "https://a/b", "app.example.com", "https://*.example.com", "null"]
)
def test_what_is_no_origin_is_no_setting(text):
    with pytest.raises(ValidationError):
        Settings(litellm_key="sk-x", database_url="postgresql://x/y", cors_origins=text)


async def test_a_websocket_is_for_listed_pages_and_for_those_that_are_none(start):
    wire = await start(cors_origins=PAGE)
    own = wire.url
    async with aiohttp.ClientSession() as session:
        for origin in (None, PAGE, own):
            headers = {"authorization": "Bearer sk-caller"} | ({"origin": origin} if origin else {})
            async with session.ws_connect(f"{wire.url}/socket", headers=headers) as socket:
                await socket.send_str("hello")
                assert (await socket.receive_str()) == "hello"
        for origin in ("https://evil.example", "null"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(f"{wire.url}/socket", headers={"origin": origin})
            assert refused.value.status == 403
