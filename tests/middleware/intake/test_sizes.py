"""How much a request may be: each limit over a real socket, in the caller's own protocol."""

from __future__ import annotations

import gzip

import pytest

from middleware.intake.wire import MOST_HEAD

from .conftest import ANTHROPIC, BEDROCK, OPENAI, Answer, callers

PATHS = [OPENAI, ANTHROPIC, "/v1/embeddings", "/v1/files", "/key/generate", BEDROCK]
AWS = "ValidationException"


@pytest.mark.parametrize("path", PATHS)
async def test_headers_beyond_the_limits_are_431(wire, origin, path):
    for headers in ([b"x-many: 1"] * 130, [b"x-long: " + b"x" * 40_000] * 2):
        answer = await wire.ask(path, b"{}", *headers)
        assert answer.status == (400 if path == BEDROCK else 431)
        expected = {
            BEDROCK: AWS,
            ANTHROPIC: "invalid_request_error",
        }
        assert answer.code(path) == expected.get(path, "headers_too_large")
    assert callers(origin) == []


async def test_headers_within_the_limits_pass(wire, origin):
    answer = await wire.ask(
        "/v1/embeddings", b"{}", *[b"x-many: 1"] * 100, b"x-l: " + b"x" * 60_000
    )
    assert answer.status == 200 and len(callers(origin)) == 1


@pytest.mark.parametrize("piece", [b"x" * 65_536, b"x: y\r\n" * 10_000])
async def test_a_head_without_an_end_ends_the_connection(wire, piece):
    pieces = [piece] * (4 * MOST_HEAD // len(piece) + 2)
    got = await wire.send(b"POST /v1/models HTTP/1.1\r\nhost: g\r\nx-endless: ", *pieces)
    # the connection may be reset before what was sent last has been read, and the answer with it
    assert got == b"" or got.startswith(b"HTTP/1.1 431 ")
    assert (await wire.ask("/livez", b"", method=b"GET")).status == 200


async def test_an_endless_path_ends_the_connection(wire):
    got = await wire.send(b"GET /", *[b"a" * 65_536] * 8)
    assert got == b"" or got[:12] in (b"HTTP/1.1 431", b"HTTP/1.1 400")


@pytest.mark.parametrize("path", PATHS)
async def test_a_length_beyond_the_limit_is_413_before_the_body_came(start, origin, path):
    wire = await start(max_body_bytes=1000)
    head = f"POST {path} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer sk-caller\r\nconnection: close\r\n"
    got = await wire.send(head.encode() + b"content-length: 1001\r\n\r\n")
    assert int(got[9:12]) == (400 if path == BEDROCK else 413)
    assert callers(origin) == []


@pytest.mark.parametrize("kind", [b"application/json", b"application/octet-stream"])
@pytest.mark.parametrize("path", [OPENAI, "/v1/embeddings", "/v1/files", BEDROCK])
async def test_pieces_beyond_the_limit_are_413(start, path, kind):
    wire = await start(max_body_bytes=100_000)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer sk-caller\r\nconnection: close\r\n"
        f"transfer-encoding: chunked\r\ncontent-type: {kind.decode()}\r\n\r\n"
    )
    piece = b"ea60\r\n" + b"x" * 60_000 + b"\r\n"
    got = await wire.send(head.encode(), piece, piece, b"0\r\n\r\n")
    assert int(got[9:12]) == (400 if path == BEDROCK else 413), got[:300]


@pytest.mark.parametrize("path", PATHS)
async def test_a_head_and_then_nothing_is_408(start, origin, path):
    wire = await start(body_seconds=0.2)
    head = f"POST {path} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer sk-caller\r\nconnection: close\r\n"
    got = await wire.send(head.encode() + b"content-length: 10\r\n\r\n")
    head_got, _, body = got.partition(b"\r\n\r\n")
    answer = Answer(int(got[9:12]), head_got, body)
    assert answer.status == (400 if path == BEDROCK else 408) and answer.code(path), answer
    assert callers(origin) == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"zstd", b"identity, gzip", b"x"])
async def test_compressed_bodies_are_415(wire, origin, path, encoding):
    bomb = gzip.compress(b"0" * 10_000_000)
    answer = await wire.ask(path, bomb, b"content-encoding: " + encoding)
    assert answer.status == (400 if path == BEDROCK else 415)
    assert callers(origin) == []


async def test_the_encoding_that_is_none_passes(wire, origin):
    assert (await wire.ask("/v1/embeddings", b"{}", b"content-encoding: identity")).status == 200


@pytest.mark.parametrize("depth", [300, 2_000, 100_000])
@pytest.mark.parametrize("opening", [b'{"a":', b"["])
@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC, "/v1/responses", "/chat-history", BEDROCK])
async def test_json_that_is_nested_too_deep_is_the_callers_mistake(wire, path, depth, opening):
    closing = b"}" if opening[:1] == b"{" else b"]"
    nested = opening * depth + b'"https://images.example.com/a.png"' + closing * depth
    body = b'{"model": "m", "image_url": ' + nested + b', "session_id": 1}'
    answer = await wire.ask(path, body, b"content-type: application/json")
    if opening != b"[" and depth == 300 and path in (ANTHROPIC, "/v1/responses"):
        assert answer.status == 200  # passed on as it came; how deep LiteLLM reads is 1024, too
        return
    assert 400 <= answer.status < 500 and answer.code(path), answer
