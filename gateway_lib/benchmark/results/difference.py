"""How far apart two estimates are, with an interval.

From the intervals of the two themselves (MOVER: Zou and Donner, Statistics in Medicine 27, 2008; for
proportions it is Newcombe's method), so that what widened theirs, few values or resembling neighbours,
widens this one, and a million requests cost no more than ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, inf, isinf, log, sqrt

import numpy as np
import numpy.typing as npt
from scipy import stats

from gateway_lib.benchmark.results.intervals import Estimate

FEWEST_PAIRS = 10


@dataclass(frozen=True)
class Difference:
    """After minus before, or after over before minus 1 where `relative`; bounds null: n too small."""

    value: float
    low: float | None
    high: float | None
    relative: bool
    paired: bool = False


def difference(before: Estimate, after: Estimate) -> Difference:
    """After minus before, of independent samples."""
    value = _minus(after.value, before.value)
    bounds = _bounds(before, after)
    if bounds is None:
        return Difference(value, None, None, relative=False)
    a, b, low_a, high_a, low_b, high_b = bounds
    low = b - a - sqrt((b - low_b) ** 2 + (high_a - a) ** 2)
    high = b - a + sqrt((high_b - b) ** 2 + (a - low_a) ** 2)
    return Difference(value, low, high, relative=False)


def ratio(before: Estimate, after: Estimate) -> Difference | None:
    """After over before minus 1, of independent samples of positive quantities; by logarithms.

    Returns:
        None where one of the two is not above nought. Where requests failed so often that a percentile is
        infinite, the change is infinite too; where both are, there is none to be seen.
    """
    if before.value <= 0 or after.value <= 0:
        return None
    if isinf(before.value) or isinf(after.value):
        return _endless(before, after)
    value = after.value / before.value - 1
    bounds = _bounds(before, after)
    if bounds is None or min(bounds) <= 0:
        return Difference(value, None, None, relative=True)
    a, b, low_a, high_a, low_b, high_b = (log(x) if not isinf(x) else inf for x in bounds)
    low = b - a - sqrt((b - low_b) ** 2 + (high_a - a) ** 2)
    high = b - a + sqrt((high_b - b) ** 2 + (a - low_a) ** 2)
    return Difference(value, exp(low) - 1, exp(high) - 1 if high < 700 else inf, relative=True)


def paired(
    before: Mapping[str, float], after: Mapping[str, float], *, confidence: float
) -> tuple[float, float, float] | None:
    """Mean of after minus before over the same questions, with Student's interval.

    What the questions have in common, some being hard and some long, drops out.

    Args:
        before: Mean of each question in one run.
        after: The same of the other; the same questions.
        confidence: Of the interval.

    Returns:
        Value and bounds; None where there are fewer than ten questions.
    """
    names = list(before)
    if len(names) < FEWEST_PAIRS:
        return None
    apart: npt.NDArray[np.float64] = np.array([after[name] - before[name] for name in names])
    value, n = float(apart.mean()), len(apart)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * float(apart.std(ddof=1)) / sqrt(n)
    return value, value - half, value + half


def _endless(before: Estimate, after: Estimate) -> Difference:
    if isinf(before.value) and isinf(after.value):
        return Difference(0.0, None, None, relative=True)
    low_after, high_before = after.low, before.high
    if isinf(after.value):
        # at the least: from the top of the interval before to the bottom of the one after
        known = low_after is not None and high_before is not None and not isinf(high_before)
        low = low_after / high_before - 1 if known else None  # type: ignore[operator]
        return Difference(inf, low, inf if low is not None else None, relative=True)
    known = after.high is not None and before.low is not None and not isinf(after.high)
    high = after.high / before.low - 1 if known else None  # type: ignore[operator]
    return Difference(-1.0, -1.0 if high is not None else None, high, relative=True)


def _minus(after: float, before: float) -> float:
    return 0.0 if isinf(after) and isinf(before) else after - before


def _bounds(
    before: Estimate, after: Estimate
) -> tuple[float, float, float, float, float, float] | None:
    if before.low is None or before.high is None or after.low is None or after.high is None:
        return None
    return before.value, after.value, before.low, before.high, after.low, after.high
