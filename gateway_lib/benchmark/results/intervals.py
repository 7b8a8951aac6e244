"""Intervals that claim no more than the sample allows.

Requests that follow one another on a busy server are not independent: when it is slow for one it is slow
for the next. Given in the order they were due, their values widen the interval by as much as they
resemble their neighbours (`dependence`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy import stats

from gateway_lib.benchmark.results.dependence import inflation

Values = Sequence[float] | npt.NDArray[np.float64]
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value with its confidence interval; bounds are null where n is too small for one."""

    value: float
    low: float | None
    high: float | None
    n: int

    @property
    def bounded(self) -> bool:
        """Whether n sufficed for an interval."""
        return self.low is not None and self.high is not None


def quantile_interval(
    values: Values, q: float, *, confidence: float = CONFIDENCE, in_order: bool = False
) -> Estimate:
    """A sample quantile with its distribution-free interval between two order statistics.

    Equal tails, from the binomial distribution of how many values lie below the true quantile
    (Conover, Practical Nonparametric Statistics, 3.2). At 95 % the median needs n >= 6, the 95th
    percentile n >= 72, the 99th n >= 368.

    Args:
        values: Sample, one-dimensional; infinite values count as greater than all others.
        q: Which quantile, between 0 and 1.
        confidence: Of the interval.
        in_order: The values are in the order of time, and what they have in common with their
            neighbours widens the interval: its ranks move away from the quantile's by the square root of
            the inflation of variance.

    Raises:
        ValueError: The sample is empty.
    """
    array = np.asarray(values, dtype=float)
    return quantile_intervals(array, (q,), confidence=confidence, in_order=in_order)[0]


def quantile_intervals(
    values: Values, qs: Sequence[float], *, confidence: float = CONFIDENCE, in_order: bool = False
) -> list[Estimate]:
    """`quantile_interval` of several quantiles, sorting once.

    Raises:
        ValueError: The sample is empty.
    """
    array = np.asarray(values, dtype=float)
    ordered = np.sort(array)
    if len(ordered) == 0:
        raise ValueError("no values")
    found = []
    for q in qs:
        value = _quantile(ordered, q)
        inflated = inflation((array <= value).astype(float)) if in_order else 1.0
        found.append(_between_ranks(ordered, q, value, confidence, inflated))
    return found


def _quantile(ordered: npt.NDArray[np.float64], q: float) -> float:
    """Linear interpolation as numpy does it, also where values are infinite."""
    place = (len(ordered) - 1) * q
    below = int(place)
    share, low = place - below, float(ordered[below])
    if share == 0 or np.isinf(low):
        return low
    return low + share * (float(ordered[below + 1]) - low)


def _between_ranks(
    ordered: npt.NDArray[np.float64], q: float, value: float, confidence: float, inflated: float
) -> Estimate:
    n, tail = len(ordered), (1 - confidence) / 2
    lower, upper = stats.binom.ppf([tail, 1 - tail], n, q)
    # ppf gives the smallest k with P(X <= k) >= p; the lower rank needs P(X < rank) <= tail
    rank_low = int(lower) if stats.binom.cdf(lower, n, q) > tail else int(lower) + 1
    rank_high = int(upper) + 1
    if inflated > 1:
        stretch = sqrt(inflated)
        rank_low = int(np.floor(n * q - stretch * (n * q - rank_low)))
        rank_high = int(np.ceil(n * q + stretch * (rank_high - n * q)))
    if rank_low < 1 or rank_high > n:
        return Estimate(value, None, None, n)
    return Estimate(value, float(ordered[rank_low - 1]), float(ordered[rank_high - 1]), n)


def mean_interval(
    values: Values, *, confidence: float = CONFIDENCE, in_order: bool = False
) -> Estimate:
    """A mean with Student's interval; n >= 10, below which a skewed sample makes it too short.

    Args:
        values: Sample, one-dimensional.
        confidence: Of the interval.
        in_order: As for `quantile_interval`.

    Raises:
        ValueError: The sample is empty.
    """
    array = np.asarray(values, dtype=float)
    n = len(array)
    if n == 0:
        raise ValueError("no values")
    value = float(array.mean())
    if n < SMALLEST_FOR_A_MEAN:
        return Estimate(value, None, None, n)
    error = float(array.std(ddof=1)) / sqrt(n)
    error *= sqrt(inflation(array)) if in_order else 1.0
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error
    return Estimate(value, value - half, value + half, n)


SMALLEST_FOR_A_MEAN = 10


def ratio_interval(
    numerator: Values, denominator: Values, *, confidence: float = CONFIDENCE
) -> Estimate | None:
    """A ratio of sums, such as dollars per right answer, with its interval by linearisation.

    The residuals `numerator - ratio * denominator` have mean nought, and their standard error over the
    mean of the denominator is that of the ratio (Cochran, Sampling Techniques, 6.4).

    Args:
        numerator: One value per request.
        denominator: One per request, in the same order.
        confidence: Of the interval.

    Returns:
        None where the denominators add up to nought: nothing was right.

    Raises:
        ValueError: The sample is empty.
    """
    above, below = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    n, total = len(above), float(below.sum())
    if n == 0:
        raise ValueError("no values")
    if total == 0:
        return None
    value = float(above.sum()) / total
    # the linear approximation holds where the denominator itself is known well
    known_well = float(below.std()) * sqrt(n) / total < 0.2
    if n < SMALLEST_FOR_A_MEAN or not known_well:
        return Estimate(value, None, None, n)
    error = float((above - value * below).std(ddof=1)) * sqrt(n) / total
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error
    return Estimate(value, max(value - half, 0.0), value + half, n)


def proportion_interval(
    successes: int, n: int, *, confidence: float = CONFIDENCE, design_effect: float = 1.0
) -> Estimate:
    """A proportion with Wilson's score interval.

    Args:
        successes: How many of n.
        n: Size of the sample.
        confidence: Of the interval.
        design_effect: By how much answers to the same question resemble each other, see
            `dependence.design_effect`; the interval is that of n / design_effect independent ones
            (Korn and Graubard, Survey Methodology 24, 1998).

    Raises:
        ValueError: n is 0.
    """
    if n == 0:
        raise ValueError("no values")
    share, size = successes / n, n / max(design_effect, 1.0)
    z2 = float(stats.norm.ppf((1 + confidence) / 2)) ** 2
    middle = (share + z2 / (2 * size)) / (1 + z2 / size)
    half = sqrt(z2 * (share * (1 - share) / size + z2 / (4 * size**2))) / (1 + z2 / size)
    # rounding must not leave a bound on the wrong side of the value itself
    return Estimate(
        share, min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share), n
    )
