"""The service's own errors, and the protocol in which a caller reads them.

::

    ServiceError                 status, code, and a message that is safe to show
    ├── InvalidRequest           400  the request cannot be served as it is
    ├── Unauthenticated          401  no key, or one that is not good (any more)
    ├── Forbidden                403  the key is good, and may not do this
    ├── MethodNotAllowed         405  the path has other methods
    ├── RequestTimeout           408  the body did not come in time
    ├── RequestTooLarge          413  the body is larger than the gateway reads
    ├── UpstreamUnavailable      503  LiteLLM cannot be reached
    ├── UpstreamTimeout          504  LiteLLM stayed silent for too long
    ├── UpstreamBroken           502  LiteLLM broke off before it had answered
    └── ResponseBroken           --   LiteLLM broke off after the status was sent
    CallerGone                   --   the caller closed the connection

Packages add their own below `ServiceError`. Errors that LiteLLM itself answers are passed through untouched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import orjson


class ServiceError(Exception):
    """Root of the tree. The message reaches the caller, so it names no host, path or exception."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    kind: ClassVar[str] = "gateway_error"
    """OpenAI's `type`: whose fault it is."""
    standard: ClassVar[str] = "The gateway could not handle the request."
    """The message where none is given."""
    standard_headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, message: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message or self.standard)
        self.message = message or self.standard
        self.headers = {**self.standard_headers, **(headers or {})}
        self.details: Mapping[str, str] = {}
        """Members of an OpenAI error beyond the usual ones."""


class InvalidRequest(ServiceError):
    """The request cannot be served as it is."""

    status = 400
    code = "invalid_request"
    kind = "invalid_request_error"


class Unauthenticated(ServiceError):
    """No key, or one that is not good (any more)."""

    status = 401
    code = "invalid_api_key"
    kind = "invalid_request_error"
    standard = "The key is missing, unknown, revoked or expired."


class Forbidden(ServiceError):
    """The key is good, and may not do this."""

    status = 403
    code = "forbidden"
    kind = "invalid_request_error"
    standard = "This key may not do that."


class MethodNotAllowed(ServiceError):
    """The path has other methods."""

    status = 405
    code = "method_not_allowed"
    kind = "invalid_request_error"
    standard = "This path does not have this method."


class RequestTimeout(ServiceError):
    """The body did not come in time. Its rest is not waited for either: the connection is closed."""

    status = 408
    code = "request_timeout"
    kind = "invalid_request_error"
    standard = "The request's body did not arrive in time."
    standard_headers: ClassVar[Mapping[str, str]] = {"connection": "close"}


class RequestTooLarge(ServiceError):
    """The body is larger than the gateway reads."""

    status = 413
    code = "request_too_large"
    kind = "invalid_request_error"


class UpstreamUnavailable(ServiceError):
    """LiteLLM cannot be reached."""

    status = 503
    code = "upstream_unavailable"
    standard = "The model proxy behind the gateway is not available. Try again shortly."
    standard_headers: ClassVar[Mapping[str, str]] = {"retry-after": "1"}


class UpstreamTimeout(ServiceError):
    """LiteLLM stayed silent for too long."""

    status = 504
    code = "upstream_timeout"
    standard = "The model proxy behind the gateway did not answer in time."


class UpstreamBroken(ServiceError):
    """LiteLLM broke off before it had answered."""

    status = 502
    code = "upstream_broken"
    standard = "The model proxy behind the gateway broke off before it answered."


class ResponseBroken(ServiceError):
    """LiteLLM broke off after the status was sent; only the broken connection can still say so."""

    status = 502


class CallerGone(Exception):
    """The caller closed the connection; nobody is left to answer."""


def render_openai(error: ServiceError, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an OpenAI error response."""
    headers = {"content-type": "application/json", **error.headers}
    return error.status, headers, openai_object(error)


def render_anthropic(error: ServiceError, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an error response of Anthropic's messages API."""
    kind = error.kind if error.status < 500 else "api_error"
    details = {"type": kind, "message": error.message, **error.details}
    headers = {"content-type": "application/json", **error.headers}
    return error.status, headers, orjson.dumps({"type": "error", "error": details})


def openai_object(error: ServiceError) -> bytes:
    """The JSON of an OpenAI error object."""
    details = {"message": error.message, "type": error.kind, "param": None, "code": error.code}
    return orjson.dumps({"error": {**details, **error.details}})
