"""Refusals and failures before the first byte: status, exception and words as AWS gives them."""

from __future__ import annotations

import pytest

from tests.contract.models import HAIKU_4_5, NOBODY, OPENAI
from tests.contract.turns import WEATHER, assistant, image, png, text, tool_result, tools, user

HELLO = {"messages": [user("Hello")]}
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20250101/us-east-1/bedrock/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64
)

MALFORMED = {
    "nothing": {},
    "no messages": {"messages": []},
    "no content": {"messages": [user()]},
    "messages of text": {"messages": "Hello"},
    "a turn without content": {"messages": [{"role": "user"}]},
    "another role": {"messages": [{"role": "narrator", "content": [text("Hello")]}]},
    "two kinds in one block": {"messages": [user({"text": "Hello", **image(png(1))})]},
    "a block of no kind": {"messages": [user({})]},
    "a block of another kind": {"messages": [user({"hologram": {}})]},
    "a number as text": {"messages": [user({"text": 17})]},
    "blank text of the assistant's": {"messages": [user("Hello"), assistant(""), user("Again")]},
    "the assistant begins": {"messages": [assistant("I begin.")]},
    "an empty image": {"messages": [user(image(b""))]},
    "an image that is not base64": {
        "messages": [user({"image": {"format": "png", "source": {"bytes": "not base64!"}}})]
    },
    "an image of another format": {"messages": [user(image(b"abc", "tiff"))]},
    "a blank system text": {**HELLO, "system": [text("")]},
    "a member that does not exist": {**HELLO, "temperature": 0.5},
    "no tokens": {**HELLO, "inferenceConfig": {"maxTokens": 0}},
    "tokens in words": {**HELLO, "inferenceConfig": {"maxTokens": "many"}},
    "temperature 3": {**HELLO, "inferenceConfig": {"temperature": 3}},
    "a negative topP": {**HELLO, "inferenceConfig": {"topP": -0.1}},
    "topK, which is no member": {**HELLO, "inferenceConfig": {"topK": 3}},
    "no tools": {**HELLO, "toolConfig": {"tools": []}},
    "a tool without schema": {**HELLO, "toolConfig": tools({"toolSpec": {"name": "no_schema"}})},
    "a choice of no tool": {
        **HELLO,
        "toolConfig": tools(WEATHER, choice={"tool": {"name": "get_tides"}}),
    },
    "two choices": {**HELLO, "toolConfig": tools(WEATHER, choice={"auto": {}, "any": {}})},
    "a result without its use": {
        "messages": [user("Hi", tool_result("nobody-called", text("17")))],
        "toolConfig": tools(WEATHER),
    },
    "an endpoint of the caller's": {
        **HELLO,
        "additionalModelRequestFields": {"api_base": "http://127.0.0.1:9"},
    },
    "a key of the caller's": {**HELLO, "additionalModelRequestFields": {"api_key": "x"}},
    "a list": [],
    "broken JSON": b"{not json",
    "no body": b"",
}


@pytest.mark.parametrize(
    "blocks", [[text("")], [text(" \n\t ")], [text("Hello"), text("")]], ids=str
)
def test_blank_text(strict, operation, model, blocks):
    refused = strict.refused(operation, model, {"messages": [user(*blocks)]})
    assert refused.name == "ValidationException"
    assert "blank" in refused.message


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_a_request(strict, operation, body):
    for model in (OPENAI, HAIKU_4_5):
        refused = strict.refused(operation, model, body)
        assert (refused.status, refused.name) == (400, "ValidationException")


def test_an_unknown_model(strict, operation):
    refused = strict.refused(operation, NOBODY, HELLO)
    assert (refused.status, refused.name) == (400, "ValidationException")
    assert refused.message == "The provided model identifier is invalid."


def test_an_unknown_key(strict, operation):
    refused = strict.refused(operation, OPENAI, HELLO, authorization="Bearer sk-nobody")
    assert (refused.status, refused.name) == (403, "AccessDeniedException")
    assert "sk-nobody" not in refused.message


@pytest.mark.parametrize("header", ["", "Bearer", "Basic c2tub2JvZHk6"])
def test_no_key(strict, operation, header):
    refused = strict.refused(operation, OPENAI, HELLO, authorization=header)
    assert (refused.status, refused.name) == (403, "AccessDeniedException")


def test_a_signed_request_is_told_what_to_do(strict, operation):
    refused = strict.refused(operation, OPENAI, HELLO, authorization=SIGNED)
    assert (refused.status, refused.name) == (403, "AccessDeniedException")
    assert "AWS_BEARER_TOKEN_BEDROCK" in refused.message


def test_more_tokens_than_the_model_has(strict, operation, model):
    body = {**HELLO, "inferenceConfig": {"maxTokens": 10_000_000}}
    refused = strict.refused(operation, model, body)
    assert refused.name == "ValidationException"
    assert "token" in refused.message


def test_a_prompt_that_is_too_long(strict, operation, model, marker):
    refused = strict.refused(
        operation, model, {"messages": [user(f"{marker} " + "word " * 210_000)]}
    )
    assert refused.name == "ValidationException"
    assert "too long" in refused.message or "maximum context" in refused.message
    assert "litellm" not in refused.message.lower()


@pytest.mark.parametrize(
    ("status", "names"),
    [
        (408, {"ModelTimeoutException"}),
        (429, {"ThrottlingException"}),
        # LiteLLM reports a 500 of Bedrock's as 503
        (500, {"InternalServerException", "ServiceUnavailableException"}),
        (503, {"ServiceUnavailableException"}),
    ],
)
def test_a_provider_that_fails(strict, provider, operation, model, marker, status, names):
    """Each exactly once: retries are the client's."""
    provider.fail(model, "status", status=status)
    refused = strict.refused(operation, model, {"messages": [user(marker)]})
    assert refused.name in names
    provider.only(marker)


def test_throttling_says_when_to_come_back(strict, provider, operation, model, marker):
    provider.fail(model, "status", status=429, retry_after=7)
    refused = strict.refused(operation, model, {"messages": [user(marker)]})
    assert refused.name == "ThrottlingException"
    assert refused.headers["retry-after"] == "7"


@pytest.mark.parametrize("kind", ["reset", "malformed_json"])
def test_a_provider_that_makes_no_sense(strict, provider, model, marker, kind):
    provider.fail(model, kind)
    refused = strict.refused("converse", model, {"messages": [user(marker)]})
    assert refused.status >= 424


def test_the_providers_words_reach_the_caller(strict, provider, operation, model, marker):
    provider.fail(model, "status", status=400, message=f"This is not allowed: {marker}.")
    refused = strict.refused(operation, model, {"messages": [user("Hello")]})
    assert refused.name == "ValidationException"
    assert f"This is not allowed: {marker}" in refused.message
    assert "litellm" not in refused.message.lower()


def test_a_model_is_well_again_after_a_failure(strict, provider, operation, model, marker):
    """LiteLLM takes a deployment that failed out of use for a while, unless it is the only one."""
    provider.fail(model, "status", status=500, count=3)
    for _ in range(3):
        strict.refused(operation, model, {"messages": [user(marker)]})
    assert strict.ask(operation, model, {"messages": [user(f"echo: {marker}")]}).text == marker


@pytest.mark.parametrize("path", ["/model/gpt-4o-mini/sing", "/model/gpt-4o-mini"])
def test_an_unknown_operation(strict, path):
    response = strict.post(path, HELLO)
    assert response.status_code == 404
    assert response.headers["x-amzn-errortype"] == "UnknownOperationException"
    assert response.json()["message"]


def test_errors_are_the_same_over_http2(strict, strict_http2, operation, model):
    blank = {"messages": [user("")]}
    plain, secure = (client.refused(operation, model, blank) for client in (strict, strict_http2))
    assert (plain.status, plain.name, plain.message) == (secure.status, secure.name, secure.message)
