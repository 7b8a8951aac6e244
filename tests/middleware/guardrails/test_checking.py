"""Which bodies are read for what they say of guardrails, and which go on piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

URLENCODED = {"content-type": "application/x-www-form-urlencoded"}
MULTIPART = {"content-type": "multipart/form-data; boundary=x"}
SOUNDS = "/v1/audio/transcriptions"


async def pieces(piece: bytes, count: int = 4) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield piece


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/messages"),
        *("/v1/chat/completions", "/engines/m/completions", "/engines/m/chat/completions"),
    ],
)
@pytest.mark.parametrize("form", [b"model=m&guardrails=nope", b"model=m&%67uardrails=nope"])
async def test_no_form_where_guardrails_are_applied(litellm, closed, path, form):
    for headers in (URLENCODED, MULTIPART):
        for content in (form, pieces(form)):
            refused = await closed.post(path, content=content, headers=headers)
            assert refused.status_code == 400
            assert "JSON, not a form" in refused.json()["error"]["message"]
    assert not litellm.calls


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
async def test_json_that_is_called_a_form_is_read_as_both(litellm, closed, path):
    """So curl calls it, where nothing else is said."""
    content = b'{"model": "m", "x": "&%67uardrails=nope&model=m&"}'
    refused = await closed.post(path, content=content, headers=URLENCODED)
    assert "in a form" in refused.json()["error"]["message"]
    assert not litellm.calls
    plain = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
    assert (await closed.post(path, content=plain, headers=URLENCODED)).status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        b"model=m&guardrails=nope",
        b"model=m&g%75ardrails=nope",
        b"model=m;%67uardrails=nope",
        b"metadata=%7B%22disable_global_guardrails%22%3Atrue%7D",
    ],
)
async def test_elsewhere_none_that_says_something_of_them(litellm, closed, form):
    refused = await closed.post("/v1/images/generations", content=form, headers=URLENCODED)
    assert "in a form" in refused.json()["error"]["message"]
    assert not litellm.calls
    harmless = b"model=m&prompt=a+guardrail"
    answer = await closed.post("/v1/images/generations", content=harmless, headers=URLENCODED)
    assert answer.status_code == 200


async def test_a_form_without_a_length_is_read(litellm, closed):
    named = b'--x\r\nContent-Disposition: form-data; name="guardrails"\r\n\r\na\r\n--x--'
    for content in (named, pieces(named, 1)):
        refused = await closed.post(SOUNDS, content=content, headers=MULTIPART)
        assert "in a form" in refused.json()["error"]["message"]
    assert not litellm.calls
    answer = await closed.post(SOUNDS, content=pieces(b"sound" * 100), headers=MULTIPART)
    assert answer.status_code == 200 and litellm.calls == [{"size": 2000}]


async def test_a_large_form_with_files_is_not_read(litellm, closed):
    """What says that it is large goes on piece by piece."""
    piece, count = b"s" * 2**20, 65
    headers = {**MULTIPART, "content-length": str(len(piece) * count)}
    answer = await closed.post(SOUNDS, content=pieces(piece, count), headers=headers)
    assert answer.status_code == 200 and litellm.calls == [{"size": 65 * 2**20}]


async def test_what_only_a_provider_reads_goes_on(litellm, closed):
    """Sounds that happen to have a suspicious syllable, and more of them than the service reads."""
    path, piece = "/azure_speech/recognize", b"polic" + b"s" * 2**20
    headers = {"content-type": "audio/wav"}
    answer = await closed.post(path, content=pieces(piece, 65), headers=headers)
    assert answer.status_code == 200 and litellm.calls[-1]["size"] > 64 * 2**20
    lines = b'{"text": "policy"}\n{"text": "guardrail"}'
    headers = {"content-type": "application/json"}
    answer = await closed.post("/bedrock/batches", content=b"[1]" + lines, headers=headers)
    assert answer.status_code == 200


async def test_a_name_is_read_whatever_the_body_is_called(litellm, closed):
    """LiteLLM takes for JSON what is no form."""
    headers = {"content-type": "audio/wav"}
    content = b'{"model": "m", "prompt": "hi", "guardrails": ["nope"]}'
    refused = await closed.post("/v1/completions", content=content, headers=headers)
    assert refused.json()["error"]["code"] == "unknown_guardrail"
    assert not litellm.calls
