"""The price of a call as its reply tells it, before anything is booked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def stream_cost(usage: Any) -> float | None:
    """Cost of a stream in USD, as LiteLLM adds it to the last chunk's usage."""
    cost = getattr(usage, "cost", None)
    return float(cost) if isinstance(cost, int | float) else None


def response_cost(headers: Mapping[str, str]) -> float | None:
    """Cost in USD of a response that was not streamed, from its header.

    The header of a stream goes out before its cost is known; use `stream_cost` there.
    """
    try:
        return float(headers["x-litellm-response-cost"])
    except (KeyError, ValueError):
        return None
