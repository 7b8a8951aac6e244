"""Numbers of a metric as they are written in a sentence."""

from __future__ import annotations

from gateway_lib.experiments.metrics import Metric


def written(metric: Metric, value: float) -> str:
    """A value in the metric's unit; shares as percentages."""
    if metric.kind == "proportion":
        return f"{100 * value:.3g} %"
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if metric.unit == "$":
        return f"${value:.3g}" if value >= 0 else f"-${-value:.3g}"
    return f"{number} {metric.unit}".rstrip()


def apart(metric: Metric, value: float) -> str:
    """A difference, with its sign; of shares in points."""
    sign = "+" if value > 0 else ""
    if metric.kind == "proportion":
        return f"{sign}{100 * value:.3g} points"
    return sign + written(metric, value)


def percent(share: float) -> str:
    """A relative change, with its sign."""
    return f"{100 * share:+.1f} %"
