"""LiteLLM's errors as AWS's; the messages are LiteLLM's own, word for word."""

from __future__ import annotations

import pytest

from middleware.bedrock import errors
from middleware.bedrock.errors import from_litellm, from_service, render
from middleware.errors import ServiceError, UpstreamBroken, UpstreamTimeout, UpstreamUnavailable

NO_FALLBACK = "\n\nLiteLLM: model group 'm' failed with the error above. No fallback was attempted."


def of(status, message, kind=None, headers=None):
    return from_litellm(
        status, {"error": {"message": message, "type": kind, "code": str(status)}}, headers
    )


@pytest.mark.parametrize(
    ("status", "message", "kind", "name", "text"),
    [
        (
            400,
            "/chat/completions: Invalid model name passed in model=nope. Call `/v1/models`",
            "invalid_request_error",
            "ValidationException",
            "The provided model identifier is invalid.",
        ),
        (
            401,
            "Authentication Error, Invalid proxy server token passed. Received API Key = sk-...",
            "token_not_found_in_db",
            "AccessDeniedException",
            "The security token included in the request is invalid.",
        ),
        (
            400,
            "litellm.BadRequestError: OpenAIException - Unrecognized request argument: top_k"
            + NO_FALLBACK,
            "invalid_request_error",
            "ValidationException",
            "Unrecognized request argument: top_k",
        ),
        (
            429,
            'litellm.RateLimitError: BedrockException - {"message":"Too many requests, please wait."}'
            + NO_FALLBACK,
            "throttling_error",
            "ThrottlingException",
            "Too many requests, please wait.",
        ),
        (
            500,
            "litellm.InternalServerError: InternalServerError: OpenAIException - The server failed"
            + NO_FALLBACK,
            "internal_server_error",
            "InternalServerException",
            "The server failed",
        ),
        (
            422,
            "Budget has been exceeded! Current cost: 1.2, Max budget: 1.0",
            "budget_exceeded",
            "ServiceQuotaExceededException",
            "Budget has been exceeded! Current cost: 1.2, Max budget: 1.0",
        ),
        (
            400,
            "litellm.ContextWindowExceededError: litellm.BadRequestError: litellm._pre_call_checks: "
            "Context Window exceeded for given call. No models have context window large enough for "
            "this call.\nModel=openai/m, Max Input Tokens=128000, Got=210828\nmodel=m. "
            "context_window_fallbacks=None. fallbacks=None." + NO_FALLBACK,
            "invalid_request_error",
            "ValidationException",
            "Input is too long for requested model: 210828 tokens > 128000 maximum",
        ),
        (
            400,
            "litellm.ContextWindowExceededError: litellm.BadRequestError: BedrockException: Context "
            'Window Error - {"message":"Input is too long for requested model."}\nmodel=m. '
            "context_window_fallbacks=None. fallbacks=None.\n\nSet 'context_window_fallback' - https://x"
            + NO_FALLBACK,
            "invalid_request_error",
            "ValidationException",
            "Input is too long for requested model.",
        ),
        (
            422,
            "litellm.BadRequestError: BedrockException - Error converting to valid response "
            "block=Unterminated string. File an issue if litellm error - https://x" + NO_FALLBACK,
            "invalid_request_error",
            "ModelErrorException",
            "The model's answer could not be understood.",
        ),
        (
            400,
            "litellm.UnsupportedParamsError: bedrock does not support parameters: ['tool_choice'], for "
            "model=m. To drop these, set `litellm.drop_params=True`" + NO_FALLBACK,
            "invalid_request_error",
            "ValidationException",
            "bedrock does not support parameters: ['tool_choice'], for model=m",
        ),
        (
            403,
            "key not allowed to access model",
            "x",
            "AccessDeniedException",
            "key not allowed to access model",
        ),
        (404, "no such thing", "x", "ResourceNotFoundException", "no such thing"),
        (408, "too slow", "x", "ModelTimeoutException", "too slow"),
        (413, "too large", "x", "ValidationException", "too large"),
        (422, "unprocessable", "x", "ValidationException", "unprocessable"),
        (424, "broken", "x", "ModelErrorException", "broken"),
        (502, "bad answer", "x", "ModelErrorException", "bad answer"),
        (503, "later", "x", "ServiceUnavailableException", "later"),
        (504, "too slow", "x", "ModelTimeoutException", "too slow"),
        (599, "odd", "x", "InternalServerException", "odd"),
    ],
)
def test_litellms_errors_become_awss(status, message, kind, name, text):
    error = of(status, message, kind)
    assert (type(error).__name__, error.message) == (name, text)


@pytest.mark.parametrize("header", ["retry-after", "llm_provider-retry-after"])
def test_retry_after_is_kept(header):
    status, headers, _ = render(of(429, "slow down", headers={header: "7"}), "r1")
    assert (status, headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize(
    "body", [None, [], "text", {"error": "text"}, {"error": None}, {"detail": "x"}]
)
def test_bodies_that_are_no_error_objects_still_have_a_message(body):
    assert from_litellm(500, body).message


def test_an_answer_has_status_type_id_and_message_and_no_more():
    status, headers, body = render(errors.ValidationException("no"), "r1")
    assert (status, headers["x-amzn-errortype"], headers["x-amzn-requestid"], body) == (
        400,
        "ValidationException",
        "r1",
        b'{"message":"no"}',
    )


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (UpstreamUnavailable(), 503, "ServiceUnavailableException"),
        (UpstreamTimeout(), 408, "ModelTimeoutException"),
        (UpstreamBroken(), 424, "ModelErrorException"),
        (ServiceError(), 500, "InternalServerException"),
    ],
)
def test_the_services_own_errors_have_an_aws_face(error, status, name):
    known = from_service(error)
    assert (known.status, type(known).__name__, known.message) == (status, name, error.message)


def test_statuses_are_those_of_awss_model():
    from middleware.bedrock.schema import service

    for shape in service().operation_model("Converse").error_shapes:
        kind = getattr(errors, shape.name, None)
        if kind is not None:
            assert kind.status == shape.metadata["error"]["httpStatusCode"], shape.name


@pytest.mark.parametrize(
    ("headers", "status", "name"),
    [
        ({"x-amzn-ErrorType": "ThrottlingException:http://x"}, 429, "ThrottlingException"),
        ({}, 404, "ResourceNotFoundException"),
        ({}, 500, "InternalServerException"),
    ],
)
def test_awss_own_errors_pass(headers, status, name):
    error = errors.from_aws(status, headers, b'{"message": "said AWS"}')
    assert (type(error).__name__, error.message) == (name, "said AWS")
