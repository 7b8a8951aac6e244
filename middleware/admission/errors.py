"""Why a call is not let in.

::

    ServiceError
    ├── Overloaded          429  the model has no slot for this call soon enough
    └── PriorityTooHigh     403  the caller's calls may not go that early
"""

from __future__ import annotations

from middleware.errors import Forbidden, ServiceError


class Overloaded(ServiceError):
    """The model has no slot for this call soon enough. It was not sent on, so a retry repeats nothing."""

    status = 429
    code = "rate_limit_exceeded"  # what OpenAI says, and what its clients look for
    kind = "requests"

    def __init__(self, message: str, retry_seconds: int) -> None:
        super().__init__(message, {"retry-after": str(retry_seconds)})


class PriorityTooHigh(Forbidden):
    """The caller's calls may not go that early."""

    code = "priority_not_allowed"
