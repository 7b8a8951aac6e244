"""Errors of calls that name guardrails, or are guarded by one.

::

    ServiceError
    ├── InvalidRequest
    │   ├── GuardrailsMalformed   400  the names are none
    │   └── UnknownGuardrail      400  the gateway has no such guardrail
    ├── GuardrailsNotTheirs       403  a caller would choose how guardrails work
    ├── GuardrailsUnknown         503  nobody knows which guardrails there are
    └── GuardrailUnavailable      503  a guardrail of this call does not answer
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from middleware.errors import InvalidRequest, ServiceError


class GuardrailsMalformed(InvalidRequest):
    """The names of guardrails are not what they should be."""

    code = "invalid_guardrails"


class UnknownGuardrail(InvalidRequest):
    """The gateway has no guardrail of that name; LiteLLM would let the call pass without any."""

    code = "unknown_guardrail"


class GuardrailsNotTheirs(ServiceError):
    """Only an administrator decides how guardrails work and which of them a call goes without."""

    status = 403
    code = "guardrails_not_yours"
    kind = "invalid_request_error"


class GuardrailsUnknown(ServiceError):
    """Which guardrails there are cannot be found out, so no call that names one is served."""

    status = 503
    code = "guardrails_unknown"
    standard = "The gateway cannot find out now which guardrails there are. Try again shortly."
    standard_headers: ClassVar[Mapping[str, str]] = {"retry-after": "1"}


class GuardrailUnavailable(ServiceError):
    """A guardrail does not answer, and without its word the call is not served."""

    status = 503
    code = "guardrail_unavailable"
    standard = (
        "A guardrail of this call does not answer, so the call is not served. Try again shortly."
    )
    standard_headers: ClassVar[Mapping[str, str]] = {"retry-after": "1"}
