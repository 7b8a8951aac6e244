"""Errors as AWS gives them, and how LiteLLM's become them.

::

    BedrockError                           status, the exception's name in `x-amzn-ErrorType`, a message
    ├── ValidationException            400
    ├── ServiceQuotaExceededException  400  a budget is spent; unlike throttling, no retry helps
    ├── AccessDeniedException          403
    ├── ResourceNotFoundException      404
    ├── ModelTimeoutException          408
    ├── ModelErrorException            424
    ├── ThrottlingException            429
    ├── InternalServerException        500
    └── ServiceUnavailableException    503
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import orjson

from middleware.errors import RequestTimeout, ServiceError, Unauthenticated, UpstreamUnavailable


class BedrockError(ServiceError):
    """Root of the tree; the message reaches the caller."""

    code = "invalid_request"
    kind = "invalid_request_error"
    stream_event: ClassVar[str] = "modelStreamErrorException"
    """The name of the exception in an event stream that has begun."""


class ValidationException(BedrockError):
    """The request cannot be honoured as it is."""

    status, stream_event = 400, "validationException"


class ServiceQuotaExceededException(BedrockError):
    """A budget is spent."""

    status, stream_event = 400, "validationException"


class AccessDeniedException(BedrockError):
    """The key is missing, unknown, or may not do this."""

    status, stream_event = 403, "validationException"


class ResourceNotFoundException(BedrockError):
    """The provider does not have what was named."""

    status, stream_event = 404, "validationException"


class UnknownOperationException(BedrockError):
    """The path or method is none of the API's that are served."""

    status, stream_event = 404, "validationException"


class ModelTimeoutException(BedrockError):
    """The model took too long."""

    status = 408
    standard = "The model took too long to answer."


class ModelErrorException(BedrockError):
    """The model's answer is not one that can be passed on."""

    status = 424
    standard = "The model's answer could not be understood."


class ThrottlingException(BedrockError):
    """Too many requests or tokens."""

    status, stream_event = 429, "throttlingException"


class InternalServerException(BedrockError):
    """The provider or the gateway failed."""

    status, stream_event = 500, "internalServerException"
    standard = "The gateway could not handle the request."


class ServiceUnavailableException(BedrockError):
    """The provider or the gateway is not available now."""

    status, stream_event = 503, "serviceUnavailableException"
    standard = UpstreamUnavailable.standard


_BY_STATUS: dict[int, type[BedrockError]] = {
    401: AccessDeniedException,
    403: AccessDeniedException,
    404: ResourceNotFoundException,
    408: ModelTimeoutException,
    424: ModelErrorException,
    429: ThrottlingException,
    502: ModelErrorException,
    503: ServiceUnavailableException,
    504: ModelTimeoutException,
}
_UNKNOWN_MODEL = re.compile(r"Invalid model name passed in model=|no healthy deployments")
_BUDGET = re.compile(r"budget.{0,40}exceeded|exceeded.{0,40}budget", re.I)
# What LiteLLM puts around a provider's own words.
_PREFIX = re.compile(r"^(?:[\w.]+(?:Exception|Error)(?::| -) ?)+(?:Context Window Error - )?")
_SUFFIX = re.compile(
    r"\.?\s*(?:Received Model Group=|LiteLLM Retried:|LiteLLM: model group |To drop these, set |"
    r"File an issue if litellm error|model=\S+ context_window_fallbacks=).*$",
    re.S,
)
# LiteLLM's own words: for a prompt that it did not send, and for an answer that it could not read.
_TOO_LONG = re.compile(
    r"Context Window exceeded for given call.*Max Input Tokens=(\d+), Got=(\d+)", re.S
)
_UNREADABLE = "Error converting to valid response block"
INVALID_MODEL = "The provided model identifier is invalid."
_BAD_KEY = "The security token included in the request is invalid."


def from_litellm(status: int, body: Any, headers: Mapping[str, str] | None = None) -> BedrockError:
    """The exception that says what a LiteLLM error says.

    Args:
        status: LiteLLM's http status.
        body: its decoded JSON body, an OpenAI error object as a rule.
        headers: its headers; `retry-after` is kept.
    """
    error = body.get("error") if isinstance(body, dict) else None
    details = error if isinstance(error, dict) else {"message": error}
    original = str(details.get("message") or "")
    text = _readable(original)
    if status == 401:
        return AccessDeniedException(_BAD_KEY)
    if _UNKNOWN_MODEL.search(original):
        return ValidationException(INVALID_MODEL)
    if details.get("type") == "budget_exceeded" or (status < 500 and _BUDGET.search(original)):
        return ServiceQuotaExceededException(text)
    if too_long := _TOO_LONG.search(original):
        return ValidationException(
            f"Input is too long for requested model: {too_long[2]} tokens > {too_long[1]} maximum"
        )
    if _UNREADABLE in original:
        return ModelErrorException()
    standard = ValidationException if status < 500 else InternalServerException
    return _BY_STATUS.get(status, standard)(text, _retry_after(headers or {}))


def from_aws(status: int, headers: Mapping[str, str], body: bytes) -> BedrockError:
    """The exception that AWS itself answered with."""
    name = headers.get("x-amzn-ErrorType", "").partition(":")[0]
    try:
        text = str(orjson.loads(body)["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        text = ""
    known = {kind.__name__: kind for kind in BedrockError.__subclasses__()}
    return known.get(name, _BY_STATUS.get(status, InternalServerException))(text)


def from_service(error: ServiceError) -> BedrockError:
    """The same error in AWS's protocol."""
    if isinstance(error, BedrockError):
        return error
    if isinstance(error, Unauthenticated):
        return AccessDeniedException(_BAD_KEY)
    if isinstance(error, RequestTimeout):  # AWS's 408 is a model's
        return ValidationException(error.message, error.headers)
    standard = ValidationException if error.status < 500 else InternalServerException
    return _BY_STATUS.get(error.status, standard)(error.message, error.headers)


def render(error: ServiceError, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an error response."""
    known = from_service(error)
    headers = {
        "content-type": "application/json",
        "x-amzn-errortype": type(known).__name__,
        "x-amzn-requestid": request_id,
        **known.headers,
    }
    return known.status, headers, orjson.dumps({"message": known.message})


def _retry_after(headers: Mapping[str, str]) -> dict[str, str]:
    seconds = headers.get("retry-after") or headers.get("llm_provider-retry-after")
    return {"retry-after": seconds} if seconds else {}


def _readable(message: str) -> str:
    """The provider's own words, without what was put around them."""
    text = _PREFIX.sub("", _SUFFIX.sub("", message)).strip()
    if text.startswith("{"):
        try:
            inner = orjson.loads(text)
        except orjson.JSONDecodeError:
            inner = {}
        text = str(inner.get("message") or inner.get("Message") or text)
    return text[:1000] or "The request was refused without a reason."
