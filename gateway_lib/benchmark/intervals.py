"""Intervals that claim no more than the sample allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Estimate:
    """A value with its confidence interval; bounds are null where n is too small for one."""

    value: float
    low: float | None
    high: float | None
    n: int


def quantile_interval(
    values: Sequence[float] | np.ndarray, q: float, *, confidence: float = 0.95
) -> Estimate:
    """A sample quantile with its distribution-free interval between two order statistics.

    Equal tails, from the binomial distribution of how many values lie below the true quantile
    (Conover, Practical Nonparametric Statistics, 3.2). At 95 % the median needs n >= 6, the 95th
    percentile n >= 72.

    Args:
        values: Sample, one-dimensional.
        q: Which quantile, between 0 and 1.
        confidence: Of the interval.

    Raises:
        ValueError: The sample is empty.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    if n == 0:
        raise ValueError("no values")
    tail = (1 - confidence) / 2
    below = stats.binom.cdf(np.arange(n + 1), n, q)
    lower = int(np.searchsorted(below, tail, side="right"))
    upper = int(np.searchsorted(below, 1 - tail, side="left")) + 1
    value = float(np.quantile(ordered, q))
    if lower < 1 or upper > n:
        return Estimate(value, None, None, n)
    return Estimate(value, float(ordered[lower - 1]), float(ordered[upper - 1]), n)


def proportion_interval(successes: int, n: int, *, confidence: float = 0.95) -> Estimate:
    """A proportion with Wilson's score interval.

    Raises:
        ValueError: n is 0.
    """
    if n == 0:
        raise ValueError("no values")
    interval = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return Estimate(successes / n, float(interval.low), float(interval.high), n)
