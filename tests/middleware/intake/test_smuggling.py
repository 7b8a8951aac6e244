"""Requests within requests: what two servers could take for two is refused, or reaches LiteLLM as one."""

from __future__ import annotations

import pytest

from .conftest import callers

HOST = b"host: g\r\nauthorization: Bearer sk-caller\r\n"
INNER = b"GET /smuggled HTTP/1.1\r\nhost: g\r\nauthorization: Bearer sk-caller\r\n\r\n"
CHUNKED = b"0\r\n\r\n" + INNER
POST = b"POST /v1/embeddings HTTP/1.1\r\n" + HOST


def with_length(body: bytes) -> bytes:
    return b"content-length: %d\r\n" % len(body)


BOTH = with_length(CHUNKED) + b"\r\n" + CHUNKED
WITHIN = b"%20HTTP/1.1%0d%0ahost:%20g%0d%0a%0d%0aGET%20/smuggled HTTP/1.1\r\n"
SMUGGLED = {
    "length and chunks": POST + with_length(CHUNKED) + b"transfer-encoding: chunked\r\n\r\n" + CHUNKED,
    "chunks and length": POST + b"transfer-encoding: chunked\r\n" + BOTH,
    "two lengths": POST + b"content-length: 0\r\n" + with_length(INNER) + b"\r\n" + INNER,
    "a list of lengths": POST + b"content-length: 0, %d\r\n\r\n" % len(INNER) + INNER,
    "a length with a sign": POST + b"content-length: +%d\r\n\r\n" % len(INNER) + INNER,
    "a negative length": POST + b"content-length: -1\r\n\r\n" + INNER,
    "a length in hexadecimal": POST + b"content-length: 0x10\r\n\r\n" + INNER,
    "a huge length": POST + b"content-length: 18446744073709551617\r\n\r\n" + INNER,
    "a length without digits": POST + b"content-length: \r\n\r\n" + INNER,
    "an unknown coding": POST + b"transfer-encoding: cow\r\n" + BOTH,
    "chunked that is not last": POST + b"transfer-encoding: chunked, identity\r\n\r\n" + CHUNKED,
    "chunked twice": POST + b"transfer-encoding: chunked\r\ntransfer-encoding: x\r\n\r\n" + CHUNKED,
    "a coding behind a tab": POST + b"transfer-encoding:\x0bchunked\r\n" + BOTH,
    "a blank before the colon": POST + b"transfer-encoding : chunked\r\n" + BOTH,
    "a blank before the name": POST + b" transfer-encoding: chunked\r\n" + BOTH,
    "a folded header": POST + b"x-a: b\r\n transfer-encoding: chunked\r\n" + BOTH,
    "a folded length": POST + b"content-length:\r\n %d\r\n\r\n" % len(INNER) + INNER,
    "a bare line feed in the head": POST + b"x-a: b\ncontent-length: %d\n\n" % len(INNER) + INNER,
    "a bare carriage return": POST + b"x-a: b\rtransfer-encoding: chunked\r\n" + BOTH,
    "a zero in a header": POST + b"x-a: b\x00c\r\n" + with_length(INNER) + b"\r\n" + INNER,
    "a chunk size with a sign": POST + b"transfer-encoding: chunked\r\n\r\n+0\r\n\r\n" + INNER,
    "a chunk size too large": POST + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + INNER,
    "a chunk size that is none": POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n" + INNER,
    "a chunk longer than its size": POST + b"transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n" + INNER,
    "a chunk ended by a line feed": POST + b"transfer-encoding: chunked\r\n\r\n1;a=b\nx\n0\n\n" + INNER,
    "another version": b"POST /v1/embeddings HTTP/1.9\r\n" + HOST + with_length(INNER) + b"\r\n" + INNER,
    "no version": b"POST /v1/embeddings\r\n" + INNER,
    "a tab in the request line": b"POST\t/v1/embeddings\tHTTP/1.1\r\n" + HOST + b"\r\n" + INNER,
    "a request in the path": b"GET /v1/models" + WITHIN + HOST + b"\r\n",
    "a CONNECT": b"CONNECT g:80 HTTP/1.1\r\n" + HOST + b"\r\n" + INNER,
}  # fmt: skip


@pytest.mark.parametrize("name", SMUGGLED)
async def test_what_is_within_a_body_is_no_request(wire, origin, name):
    got = await wire.send(SMUGGLED[name] + b"GET /last HTTP/1.1\r\nconnection: close\r\n\r\n")
    seen = callers(origin)
    statuses = [int(part[:3]) for part in got.split(b"HTTP/1.1 ")[1:]]
    assert not any(status >= 500 for status in statuses), got
    if not seen:
        assert statuses[:1] == [400], got
    # one request as it is read here: its body is LiteLLM's body, and nothing comes behind it
    for each in seen:
        headers = dict(each["headers"])
        assert not {"transfer-encoding", "content-length"} <= set(headers)
    assert [each["raw_path"] for each in seen] in ([], ["/v1/embeddings"], *PIPELINED.get(name, ()))


PIPELINED = {
    # two requests one behind the other, which is what they say they are
    "a chunk ended by a line feed": [["/v1/embeddings", "/smuggled"]],
}


async def test_requests_one_behind_the_other_are_answered_in_order(wire, origin):
    one = b"POST /v1/embeddings HTTP/1.1\r\n" + HOST + b"content-length: 1\r\n\r\n"
    got = await wire.send(one + b"1" + one + b"2" + one[:-4] + b"\r\nconnection: close\r\n\r\n3")
    assert [each["body"] for each in callers(origin)] == [b"1", b"2", b"3"]
    assert got.count(b"HTTP/1.1 200") == 3


async def test_trailers_are_no_headers(wire, origin):
    """Also not of a request that is read while they come."""
    head = (
        b"POST /v1/embeddings HTTP/1.1\r\n"
        + HOST
        + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    trailers = (
        b"x-guardrails: a\r\ncontent-encoding: br\r\nauthorization: Bearer sk-other\r\nx-t: 1\r\n"
    )
    got = await wire.send(head + b"1\r\n1\r\n0\r\n" + trailers + b"\r\n")
    assert got.startswith(b"HTTP/1.1 200"), got
    (seen,) = callers(origin)
    names = [name for name, _ in seen["headers"]]
    assert not {"x-guardrails", "content-encoding", "x-t"} & set(names)
    assert names.count("authorization") <= 1 and ("authorization", "Bearer sk-other") not in [
        tuple(each) for each in seen["headers"]
    ]


async def test_trailers_without_an_end_end_the_connection(wire, origin):
    head = b"POST /v1/embeddings HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n"
    await wire.send(head + b"1\r\n1\r\n0\r\nx-endless: ", *[b"x" * 65_536] * 8)
    assert callers(origin) == []


async def test_an_absolute_target_is_its_path_and_no_other_host(wire, origin):
    answer = await wire.ask("http://elsewhere.example/v1/embeddings?a=b")
    assert answer.status == 200
    (seen,) = callers(origin)
    assert seen["raw_path"] == "/v1/embeddings" and seen["query"] == "a=b"


@pytest.mark.parametrize("value", [b"a%0d%0ab", b"a b", b"\xff", b"x" * 200, b"<script>", b""])
async def test_an_id_that_is_none_is_not_echoed(wire, origin, value):
    answer = await wire.ask("/v1/embeddings", b"{}", b"x-request-id: " + value)
    assert answer.status == 200
    lines = answer.head.split(b"\r\n")
    (given,) = [line for line in lines if line.startswith(b"x-request-id")]
    assert len(given) == len(b"x-request-id: ") + 32
    sent = dict(callers(origin)[-1]["headers"])
    assert sent["x-request-id"].encode() in given


@pytest.mark.parametrize("name", ["a\r\nx-injected: 1", "a\nb", "ä", "\u2028"])
async def test_what_a_body_names_is_in_no_header(wire, name):
    import json

    for path in ("/v1/chat/completions", "/v1/embeddings", "/bedrock/model/x/converse"):
        body = json.dumps({"model": name, "session_id": name, "messages": []}).encode()
        answer = await wire.ask(path, body)
        assert b"x-injected" not in answer.head.lower()
