"""The service's own errors, and the protocol in which a caller reads them.

::

    ServiceError                 status, code, and a message that is safe to show
    ├── UpstreamUnavailable      503  LiteLLM cannot be reached
    ├── UpstreamTimeout          504  LiteLLM stayed silent for too long
    ├── UpstreamBroken           502  LiteLLM broke off before it had answered
    └── ResponseBroken           --   LiteLLM broke off after the status was sent
    CallerGone                   --   the caller closed the connection

Errors that LiteLLM itself answers are passed through untouched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import orjson


class ServiceError(Exception):
    """Root of the tree. The message reaches the caller, so it names no host, path or exception."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    message: ClassVar[str] = "The gateway could not handle the request."
    headers: ClassVar[Mapping[str, str]] = {}


def render_openai(error: ServiceError, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an OpenAI error response."""
    details = {"message": error.message, "type": "gateway_error", "param": None, "code": error.code}
    headers = {"content-type": "application/json", **error.headers}
    return error.status, headers, orjson.dumps({"error": details})


class UpstreamUnavailable(ServiceError):
    """LiteLLM cannot be reached."""

    status = 503
    code = "upstream_unavailable"
    message = "The model proxy behind the gateway is not available. Try again shortly."
    headers: ClassVar[Mapping[str, str]] = {"retry-after": "1"}


class UpstreamTimeout(ServiceError):
    """LiteLLM stayed silent for too long."""

    status = 504
    code = "upstream_timeout"
    message = "The model proxy behind the gateway did not answer in time."


class UpstreamBroken(ServiceError):
    """LiteLLM broke off before it had answered."""

    status = 502
    code = "upstream_broken"
    message = "The model proxy behind the gateway broke off before it answered."


class ResponseBroken(ServiceError):
    """LiteLLM broke off after the status was sent; only the broken connection can still say so."""


class CallerGone(Exception):
    """The caller closed the connection; nobody is left to answer."""
