from __future__ import annotations

import pytest
from yarl import URL

from middleware.sending import AT_ONCE, complete

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
