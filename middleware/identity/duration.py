"""Durations as LiteLLM writes them: `30s`, `30m`, `24h`, `7d`, `1w`, `1mo`."""

from __future__ import annotations

import math
import re

_FORM = re.compile(r"([1-9]\d{0,5})(s|m|h|d|w|mo)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 30 * 86_400}


def seconds(duration: str | None) -> float:
    """How long it is, a month as 30 days; forever for None.

    Raises:
        ValueError: it is no duration.
    """
    if duration is None:
        return math.inf
    found = _FORM.fullmatch(duration)
    if found is None:
        raise ValueError("must be a duration such as 30s, 30m, 24h, 7d, 1w or 1mo")
    return int(found[1]) * _SECONDS[found[2]]


def valid(duration: str) -> str:
    """The duration itself, for a model's field. Raises `ValueError` where it is none."""
    seconds(duration)
    return duration


def known(duration: object) -> str | None:
    """The duration that a row of LiteLLM has; forever where it is none of these forms."""
    return duration if isinstance(duration, str) and _FORM.fullmatch(duration) else None


def shorter(one: str | None, other: str | None) -> str | None:
    """The one that ends earlier; None is forever."""
    return one if seconds(one) <= seconds(other) else other


def longer(one: str | None, other: str | None) -> str | None:
    """The one that ends later; None is forever."""
    return one if seconds(one) >= seconds(other) else other
