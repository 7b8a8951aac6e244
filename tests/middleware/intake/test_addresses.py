# ruff: noqa: E501 - what is asked is a line
"""What would be fetched is refused, on every path and in every protocol, unless its host is on the list."""

from __future__ import annotations

import base64
import json
import tracemalloc
from urllib.parse import quote

import pytest

from middleware.intake.addresses import (
    MOST_CONTAINERS,
    MOST_MEMBERS,
    AllowedHosts,
    addresses,
    may_have_one,
)
from middleware.intake.errors import AddressRefused, TooManyMembers

from .conftest import ANTHROPIC, BEDROCK, OPENAI, callers

INSIDE = "http://169.254.169.254/latest/meta-data"
JSON = b"content-type: application/json"


def content(part) -> dict:
    return {"model": "m", "messages": [{"role": "user", "content": [part]}]}


ASKED = {
    "an image": (OPENAI, content({"type": "image_url", "image_url": {"url": INSIDE}})),
    "an image, short": (OPENAI, content({"type": "image_url", "image_url": INSIDE})),
    "a file by its id": (OPENAI, content({"type": "file", "file": {"file_id": INSIDE}})),
    "a file's data": (OPENAI, content({"type": "file", "file": {"file_data": INSIDE}})),
    "a bucket": (OPENAI, content({"type": "file", "file": {"file_id": "gs://bucket/a.pdf"}})),
    "a sound": (OPENAI, content({"type": "input_audio", "input_audio": {"data": INSIDE}})),
    "a video": (OPENAI, content({"type": "video_url", "video_url": {"url": INSIDE}})),
    "a file of the host": (OPENAI, content({"type": "image_url", "image_url": "file:///etc/passwd"})),
    "blanks before": (OPENAI, content({"type": "image_url", "image_url": f" \n{INSIDE}"})),
    "capitals": (OPENAI, content({"type": "image_url", "image_url": INSIDE.replace("http", "HTTP")})),
    "backslashes": (OPENAI, content({"type": "image_url", "image_url": "http:\\\\127.0.0.1\\a"})),
    "one slash": (OPENAI, content({"type": "image_url", "image_url": "http:/127.0.0.1/a"})),
    "a server of tools": (OPENAI, {"model": "m", "tools": [{"type": "mcp", "server_url": INSIDE}]}),
    "a base": (OPENAI, {"model": "m", "api_base": INSIDE}),
    "a base within": (OPENAI, {"model": "m", "extra_body": {"api_base": INSIDE}}),
    "a fallback": (OPENAI, {"model": "m", "fallbacks": [{"model": "m", "base_url": INSIDE}]}),
    "a callback": (OPENAI, {"model": "m", "callback_url": INSIDE}),
    "a webhook": (OPENAI, {"model": "m", "metadata": {"slack_webhook": INSIDE}}),
    "a logger's host": (OPENAI, {"model": "m", "metadata": {"langfuse_host": INSIDE}}),
    "a configuration": (OPENAI, {"user_config": {"model_list": [{"litellm_params": {"api_base": INSIDE}}]}}),
    "Anthropic's image": (ANTHROPIC, content({"type": "image", "source": {"type": "url", "url": INSIDE}})),
    "Anthropic's servers": (ANTHROPIC, {"model": "m", "mcp_servers": [{"type": "url", "url": INSIDE}]}),
    "counted tokens": (f"{ANTHROPIC}/count_tokens", content({"type": "image", "source": {"url": INSIDE}})),
    "an input image": ("/v1/responses", {"input": [{"content": [{"type": "input_image", "image_url": INSIDE}]}]}),
    "an input file": ("/v1/responses", {"input": [{"content": [{"type": "input_file", "file_url": INSIDE}]}]}),
    "a batch's file": ("/v1/batches", {"input_file_id": "s3://bucket/key"}),
    "a scanned document": ("/v1/ocr", {"document": {"type": "document_url", "document_url": INSIDE}}),
    "what is ingested": ("/v1/rag/ingest", {"file_url": INSIDE}),
    "an edited image": ("/v1/images/edits", {"image": [INSIDE]}),
    "a video's reference": ("/v1/videos", {"input_reference": INSIDE}),
    "Google's file": ("/v1beta/models/m:generateContent", {"contents": [{"parts": [{"fileData": {"fileUri": INSIDE}}]}]}),
    "Google's by its own name": ("/gemini/v1beta/models/m:generateContent", {"contents": [{"parts": [{"file_data": {"file_uri": INSIDE}}]}]}),
    "past LiteLLM": ("/openai/v1/responses", {"tools": [{"server_url": INSIDE}]}),
    "an agent's": ("/a2a/x", {"params": {"pushNotificationConfig": {"url": INSIDE}}}),
    "what Converse passes on": (BEDROCK, {"messages": [], "additionalModelRequestFields": {"image_url": INSIDE}}),
    "what InvokeModel has": ("/bedrock/model/claude/invoke", content({"type": "image", "source": {"type": "url", "url": INSIDE}})),
    "InvokeModel's servers": ("/bedrock/model/claude/invoke-with-response-stream", {"mcp_servers": [{"type": "url", "url": INSIDE}]}),
    "what is counted with Converse": ("/bedrock/model/claude/count-tokens", {"input": {"converse": {"additionalModelRequestFields": {"image_url": INSIDE}}}}),
    "a tried request": ("/utils/transform_request", {"request_body": content({"type": "image_url", "image_url": INSIDE})}),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
async def test_nobody_fetches_for_a_caller(wire, origin, name):
    path, fields = ASKED[name]
    for body in (json.dumps(fields), escaped(fields)):
        answer = await wire.ask(path, body.encode(), JSON)
        assert answer.status == 400 and b"nothing is fetched from there" in answer.body, answer
        code = "ValidationException" if path.startswith("/bedrock") else "address_not_allowed"
        expected = "invalid_request_error" if path.startswith(ANTHROPIC) else code
        assert answer.code(path) == expected
        assert "169.254" not in json.loads(answer.body).get("message", "")
    assert callers(origin) == []


async def test_nobody_fetches_for_what_is_counted_within_base64(wire, origin):
    """`mcp_servers` is not sent on, and so not looked at."""
    inner = content({"type": "image", "source": {"type": "url", "url": INSIDE}})
    for text in (json.dumps(inner), escaped(inner)):
        body = {"input": {"invokeModel": {"body": base64.b64encode(text.encode()).decode()}}}
        answer = await wire.ask(
            "/bedrock/model/claude/count-tokens", json.dumps(body).encode(), JSON
        )
        assert answer.status == 400 and b"nothing is fetched from there" in answer.body, answer
    assert callers(origin) == []


@pytest.mark.parametrize(
    "kind",
    ["application/json; urlencoded-form", "application/json; a=form-data", "application/x-www-form-urlencoded",
     "text/plain; multipart/form-data"],
)  # fmt: skip
async def test_json_that_is_called_a_form_is_looked_at_as_json(wire, origin, kind):
    for name in ("an image", "what Converse passes on", "a tried request", "what InvokeModel has"):
        path, fields = ASKED[name]
        answer = await wire.ask(path, json.dumps(fields).encode(), f"content-type: {kind}".encode())
        assert answer.status == 400, answer
    assert callers(origin) == []


async def test_json_with_a_word_of_forms_in_its_type_is_json(wire, origin):
    """An address that is a text passes, as it would not where this were read as a query."""
    body = json.dumps({"input": "see ?url=http://a.example/b"}).encode()
    kind = b"content-type: application/json; format=plain"
    assert (await wire.ask("/v1/embeddings", body, kind)).status == 200
    assert len(callers(origin)) == 1


async def test_json_in_another_encoding_is_not_passed_on(wire, origin):
    body = json.dumps(ASKED["an input image"][1])
    for encoding in ("utf-16", "utf-16-le", "utf-32"):
        assert (await wire.ask("/v1/responses", body.encode(encoding), JSON)).status == 400
    assert callers(origin) == []


def test_what_is_looked_at_costs_no_more_than_it_is():
    """A name that is long is not copied for each of what is below it."""
    fields = {"k" * 100_000: [{"a": {}} for _ in range(20_000)]}
    tracemalloc.start()
    try:
        AllowedHosts("").refuse(fields)
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("each", ["", {}, {"a": 1}, [1]])
def test_more_members_than_any_call_has_are_refused(each):
    with pytest.raises(TooManyMembers):
        AllowedHosts("").refuse({"image": [each for _ in range(MOST_MEMBERS + 1)]})


def test_what_is_embedded_may_be_many_numbers():
    AllowedHosts("").refuse({"input": [list(range(8000)) for _ in range(100)], "user": "a:/b"})


async def test_more_objects_than_are_held_are_refused_before_they_are(wire, origin):
    body = b'{"a": ":/", "b": [' + b"{}," * MOST_CONTAINERS + b"1]}"
    answer = await wire.ask("/v1/embeddings", body, JSON)
    assert answer.status == 400 and answer.code("/") == "too_many_members"
    assert callers(origin) == []


def test_a_place_is_as_long_as_can_be_read():
    with pytest.raises(AddressRefused) as refused:
        AllowedHosts("").refuse({"k" * 100_000: {"a": [{"url": INSIDE}]}})
    message = str(refused.value)
    assert len(message) < 500 and ".a.0.url:" in message


def escaped(fields) -> str:
    """The same JSON with the signs of an address written as escapes."""
    text = json.dumps(fields)
    return text.replace("://", "\\u003a\\/\\u002f").replace(":\\\\", "\\u003A\\u005c")


@pytest.mark.parametrize(
    "kind", [b"application/json; charset=utf-8", b"", b"text/plain", b"application/vnd.x+json"]
)
async def test_what_a_body_is_called_does_not_matter(wire, origin, kind):
    body = json.dumps(ASKED["an image"][1]).encode()
    for path in (OPENAI, "/v1/responses"):
        assert (await wire.ask(path, body, b"content-type: " + kind)).status == 400
    assert callers(origin) == []


async def test_json_that_only_litellm_can_read_is_not_passed_on(wire, origin):
    body = json.dumps(ASKED["an input image"][1]).replace("169", "\\ud800169").encode()
    assert (await wire.ask("/v1/responses", body, JSON)).status == 400
    assert callers(origin) == []


@pytest.mark.parametrize(
    "name", ["image", "image[]", "image_url", "metadata[webhook_url]", "extra_body"]
)
async def test_nobody_fetches_what_a_form_names(wire, origin, name):
    value = json.dumps({"api_base": INSIDE}) if name == "extra_body" else INSIDE
    multipart = (
        f'--b\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nhttp://is.content\r\n--b--\r\n'
    )
    kind = b"content-type: multipart/form-data; boundary=b"
    answer = await wire.ask("/v1/images/edits", multipart.encode(), kind)
    assert answer.status == 400 and answer.code("/") == "address_not_allowed"
    harmless = multipart.replace(value, "nothing")
    assert (await wire.ask("/v1/images/edits", harmless.encode(), kind)).status == 200
    kind = b"content-type: application/x-www-form-urlencoded"
    for encoded in (f"{name}={value}", f"a=1;{name}={value}", f"{name}={quote(value, safe='')}"):
        assert (await wire.ask("/v1/images/edits", encoded.encode(), kind)).status == 400
    assert len(callers(origin)) == 1


@pytest.mark.parametrize("kind", ["application/json", "audio/wav", "application/octet-stream"])
async def test_a_body_in_pieces_is_looked_at_as_a_whole(wire, origin, kind):
    body = json.dumps(ASKED["an input image"][1] | {"x": "y" * 200_000}).encode()
    head = (
        "POST /v1/responses HTTP/1.1\r\nhost: g\r\nauthorization: Bearer sk-caller\r\n"
        f"content-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    got = await wire.send(
        head.encode(), *(body[at : at + 20_000] for at in range(0, len(body), 20_000))
    )
    assert got.startswith(b"HTTP/1.1 400"), got[:200]
    assert callers(origin) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"url=:/&" + b"a=&" * 1000, 400), (b"url=:/;" + b"a=;" * 1000, 400), (b"url=:/" + b"a" * 2**20, 413)],
)  # fmt: skip
async def test_a_form_without_files_has_its_limits(wire, origin, body, status):
    kind = b"content-type: application/x-www-form-urlencoded"
    for path in ("/v1/images/edits", "/v1/files"):
        assert (await wire.ask(path, body, kind)).status == status
    assert callers(origin) == []


TEXT = {
    "what somebody says": {"messages": [{"role": "user", "content": "https://a.example/b.png"}]},
    "a text part": content({"type": "text", "text": INSIDE}),
    "data": content({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA:/AA"}}),
    "what was embedded": {"input": ["https://a.example/b"]},
    "what was ranked": {"documents": ["https://a.example/b"]},
    "a schema": {"response_format": {"type": "json_schema", "json_schema": {"schema": {"url": {"$ref": "http://x/y"}}}}},
    "a function": {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"url": "http://x/y"}}}]},
    "a call's arguments": {"messages": [{"tool_calls": [{"function": {"name": "f", "arguments": '{"url": "http://x/y"}'}}]}]},
    "Anthropic's call": content({"type": "tool_use", "name": "f", "input": {"url": "http://x/y"}}),
    "a citation": {"messages": [{"annotations": [{"type": "url_citation", "url_citation": {"url": "http://x/y"}}]}]},
    "a result of a search": content({"type": "web_search_result", "url": "http://x/y", "title": "z"}),
    "a page in notes": {"metadata": {"page_url": "https://a.example/b"}},
    "a page that was fetched": content({"type": "web_fetch_tool_result", "tool_use_id": "a", "content": {"type": "web_fetch_result", "url": "http://x/y", "content": {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "https://x/y says"}}}}),
    "a text document": content({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "https://x/y says"}}),
    "examples of input": {"tools": [{"name": "f", "input_schema": {}, "input_examples": [{"url": "http://x/y"}]}]},
    "a search's sources": {"input": [{"type": "web_search_call", "action": {"type": "search", "sources": [{"type": "url", "url": "http://x/y"}]}}]},
    "what code put out": {"input": [{"type": "code_interpreter_call", "outputs": [{"type": "image", "url": "http://x/y"}]}]},
    "what files said": {"input": [{"type": "file_search_call", "results": [{"attributes": {"page_url": "http://x/y"}}]}]},
    "where a computer went": {"input": [{"type": "computer_call", "action": {"type": "goto", "url": "http://x/y"}}]},
    "a prompt's variable": {"prompt": {"id": "p", "variables": {"url": "http://x/y"}}},
    "Google's call": {"contents": [{"parts": [{"functionCall": {"name": "f", "args": {"url": "http://x/y"}}}]}]},
    "Google's result": {"contents": [{"parts": [{"functionResponse": {"name": "f", "response": {"url": "http://x/y"}}}]}]},
    "Google's function": {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"url": "http://x/y"}}]}]},
    "a ranked document": {"documents": [{"text": "a", "url": "http://x/y"}]},
    "a format": {"text": {"format": {"type": "json_schema", "name": "a", "schema": {"url": "http://x/y"}}}},
    "a tool of MCP": {"method": "tools/call", "params": {"name": "f", "arguments": {"url": "http://x/y"}}},
    "Converse's search result": {"messages": [{"content": [{"searchResult": {"source": "http://x", "title": "t", "content": []}}]}]},
    "where a browser goes": {"redirect_uris": ["http://localhost:1234/callback"]},
    "a model's path": {"model": "accounts/x:/y"},
}  # fmt: skip


@pytest.mark.parametrize("name", TEXT)
def test_text_is_not_fetched(name):
    AllowedHosts("").refuse(TEXT[name])


FETCHED = {
    "a name": {"name": "x", "input": {"image_url": INSIDE}},
    "a type of the whole": {"type": "tool_use", "input": {"image_url": INSIDE}},
    "a citation of the whole": {"type": "search", "url": INSIDE},
    "a prompt's image": {"prompt": {"variables": {"a": {"type": "input_image", "image_url": INSIDE}}}},
    "a screenshot": {"input": [{"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": INSIDE}}]},
    "Google's result's file": {"parts": [{"functionResponse": {"response": {}, "parts": [{"fileData": {"fileUri": INSIDE}}]}}]},
    "a document's image": {"documents": [{"text": "a", "image": INSIDE}]},
    "a document by its address": {"documents": [{"url": INSIDE}]},
    "a document's source": content({"type": "document", "source": {"type": "url", "url": INSIDE}}),
    "a long name": {f"{'a' * 100}_url": INSIDE},
    "a logger": {"metadata": {"a": [{"callback_settings": {"langfuse_host": INSIDE}}]}},
}  # fmt: skip


@pytest.mark.parametrize("name", FETCHED)
def test_what_is_only_near_a_text_is_fetched(name):
    with pytest.raises(AddressRefused):
        AllowedHosts("").refuse(FETCHED[name])


async def test_hosts_of_the_list_pass(start, origin):
    wire = await start(address_hosts="images.example.com, *.cdn.example.com")
    for host, status in (
        ("images.example.com", 200),
        ("IMAGES.example.com:8443", 200),
        ("a.b.cdn.example.com", 200),
        ("cdn.example.com", 400),
        ("images.example.com.evil.example", 400),
        ("evil.example/images.example.com", 400),
        ("images.example.com@evil.example", 400),
        ("evil.example#images.example.com", 400),
        ("127.0.0.1", 400),
    ):
        body = content({"type": "input_image", "image_url": f"https://{host}/a.png"})
        answer = await wire.ask("/v1/responses", json.dumps(body).encode(), JSON)
        assert answer.status == status, host


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1/", "http://[::1]/", "http://10.1.2.3/", "http://169.254.169.254/", "http://localhost/",
     "http://a.localhost/", "http://2130706433/", "http://0x7f.0.0.1/", "http://0x7f000001/", "http://127.1/",
     "http://[::ffff:127.0.0.1]/", "http://redis/", "http://litellm.internal/", "http://100.64.0.1/",
     "ftp://example.com/", "gs://example.com/", "file:///etc/passwd", "http:///a", "http://[/"],
)  # fmt: skip
def test_a_list_of_all_is_a_list_of_all_that_are_public(address):
    assert not AllowedHosts("*").allow(address)
    assert AllowedHosts("*").allow("https://example.com/a.png")


def test_an_inside_host_is_allowed_by_its_own_name():
    assert AllowedHosts("litellm.internal, 10.1.2.3").allow("http://10.1.2.3/a")
    assert not AllowedHosts("litellm.internal").allow("http://10.1.2.3/a")


def test_the_sign_that_is_looked_for_first_misses_nothing():
    for path, fields in ASKED.values():
        assert list(addresses(fields)), path
        assert may_have_one(json.dumps(fields).encode()) and may_have_one(escaped(fields).encode())
    assert not may_have_one(json.dumps({"content": "schön"}).encode())
    assert not may_have_one(
        b'{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}]}'
    )
