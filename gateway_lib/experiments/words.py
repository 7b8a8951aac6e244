"""An experiment's figures as people read them."""

from __future__ import annotations

import math

from gateway_lib.experiments.metrics import Metric
from gateway_lib.experiments.results import Effect, GuardrailResult

UNKNOWN = "\u2013"
MINUS = "\u2212"


def value_text(metric: Metric, value: float | None, *, signed: bool = False) -> str:
    """A value in the metric's unit: `41.2 ms`, `$0.00055`, `94.1 %`; of a difference with its sign."""
    if value is None or math.isnan(value):
        return UNKNOWN
    sign = _sign(value, signed)
    size = abs(value)
    if math.isinf(size):
        return f"{sign}\u221e"
    if metric.kind == "proportion":
        return f"{sign}{size * 100:.1f} {'points' if signed else '%'}"
    if metric.unit == "$":
        return f"{sign}${_significant(size)}"
    return f"{sign}{_significant(size)} {metric.unit}".rstrip()


def percent_text(share: float | None) -> str:
    """A relative change: `+3.2 %`."""
    if share is None or math.isnan(share):
        return UNKNOWN
    if math.isinf(share):
        return f"{_sign(share, True)}\u221e"
    return f"{_sign(share, True)}{abs(share) * 100:.1f} %"


def absolute_text(metric: Metric, effect: Effect) -> str:
    """A difference with its interval, in the metric's unit."""
    parts = (value_text(metric, v, signed=True) for v in (effect.absolute, effect.low, effect.high))
    value, low, high = parts
    return f"{value} [{low}, {high}]"


def relative_text(effect: Effect) -> str:
    """A difference with its interval, as a share of the control."""
    if effect.relative is None:
        return UNKNOWN
    low, high = percent_text(effect.relative_low), percent_text(effect.relative_high)
    return f"{percent_text(effect.relative)} [{low}, {high}]"


def margin_text(metric: Metric, result: GuardrailResult) -> str:
    """How much worse is still acceptable."""
    if result.relative:
        return f"{result.margin * 100:g} %"
    if metric.kind == "proportion":
        return f"{result.margin * 100:g} points"
    return value_text(metric, result.margin)


def holds_text(result: GuardrailResult) -> str:
    """What a guardrail says, in a word or three."""
    return {True: "holds", False: "violated", None: "cannot tell yet"}[result.holds]


def p_text(p: float) -> str:
    """A p-value: `0.031`, `< 0.001`."""
    return UNKNOWN if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _sign(value: float, wanted: bool) -> str:
    return MINUS if value < 0 else "+" if wanted and value > 0 else ""


def _significant(size: float) -> str:
    if size >= 1000:
        return f"{size:,.0f}"
    if size == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(size)))
    return f"{size:.{digits}f}"
