"""The JSON objects that calls consist of; what is wrong with one is the caller's to hear."""

from __future__ import annotations

from typing import Any

import orjson

from middleware.errors import InvalidRequest, ServiceError

Fields = dict[str, Any]
UNCACHED = {"no-cache": True, "no-store": True}
"""LiteLLM's `cache` for a call that is answered from no cache, and whose answer goes into none."""


def decoded(
    body: bytes,
    error: type[ServiceError] = InvalidRequest,
    message: str = "The request body must be a JSON object.",
) -> Fields:
    """A JSON object. Raises `error` for anything else."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        raise error(message)
    return fields


def encoded(value: Any, error: type[ServiceError] = InvalidRequest, what: str = "request") -> bytes:
    """The JSON of a value that was read from JSON.

    Raises:
        ServiceError: it is nested too deeply, as an `error`; reading allows more levels than writing.
    """
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise error(f"The {what} is nested more than 250 levels deep.") from None


def ask_for_usage(fields: Fields) -> bool:
    """Have a stream say its usage at its end; False where the caller has done so, or means something else."""
    options = fields.get("stream_options") or {}
    if not isinstance(options, dict) or options.get("include_usage"):
        return False
    fields["stream_options"] = {**options, "include_usage": True}
    return True
