"""What the headers of an answer tell: who served it, what it cost, where the time went."""

from __future__ import annotations

import math
from collections.abc import Mapping

from gateway_lib.benchmark.records.table import Record


def take(record: Record, headers: Mapping[str, str]) -> None:
    """Fill in what the gateway's headers say.

    `server-timing` is the middleware's: how long it took until the answer began, with and without
    its waiting for LiteLLM. `x-litellm-response-duration-ms` is LiteLLM's, with the provider in it,
    `x-litellm-overhead-duration-ms` without.
    """
    record.request_id = headers.get("x-request-id") or headers.get("x-amzn-requestid")
    record.call_id = headers.get("x-litellm-call-id")
    record.session_id = headers.get("x-session-id")
    record.deployment = headers.get("x-litellm-model-id")
    record.retries = _whole(headers.get("x-litellm-attempted-retries"))
    record.fallbacks = _whole(headers.get("x-litellm-attempted-fallbacks"))
    if (
        record.call_id is not None
    ):  # LiteLLM names the key of what it found in its cache, and of that alone
        record.cache_hit = "x-litellm-cache-key" in headers
    timing = server_timing(headers.get("server-timing", ""))
    record.middleware_ms, record.upstream_ms = timing.get("middleware"), timing.get("litellm")
    record.litellm_ms = number(headers.get("x-litellm-overhead-duration-ms"))
    whole = number(headers.get("x-litellm-response-duration-ms"))
    if whole is not None and record.litellm_ms is not None:
        record.provider_ms = whole - record.litellm_ms


def take_cost(record: Record, headers: Mapping[str, str], told: float | None) -> None:
    """The cost that the body told, else the header's.

    The header of a stream goes out before its cost is known, so only the body's counts there.
    """
    cost = number(headers.get("x-litellm-response-cost")) if not record.streamed else None
    if told is not None:
        record.cost_usd, record.cost_source = told, "stream usage"
    elif cost is not None:
        record.cost_usd, record.cost_source = cost, "header"


def server_timing(header: str) -> dict[str, float]:
    """Durations in milliseconds by name, of a Server-Timing header (W3C)."""
    found: dict[str, float] = {}
    for metric in header.split(","):
        name, *parameters = (part.strip() for part in metric.split(";"))
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key == "dur" and (duration := number(value)) is not None:
                found[name] = duration
    return found


def number(text: str | None) -> float | None:
    """The finite number in a header; null where it says "None" or nothing."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _whole(text: str | None) -> int | None:
    value = number(text)
    return None if value is None else int(value)
