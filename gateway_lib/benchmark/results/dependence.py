"""How much less a sample says because its values resemble each other."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import fft

_WINDOW = 5.0
_LONGEST = 1 << 16


def inflation(series: npt.NDArray[np.float64]) -> float:
    """By how much the variance of a mean exceeds that of independent values, at least 1.

    The integrated autocorrelation time, summed up to the first lag that is five times the sum so far
    (Sokal, Monte Carlo Methods in Statistical Mechanics, 3). What lies within one standard error of
    independence counts as independence, else independent samples would always look a little dependent.
    Beyond 65 536 values the first so many are looked at: what lasts ten thousand requests is
    drift, not resemblance of neighbours.

    Args:
        series: Values in the order of time.
    """
    part = np.asarray(series[:_LONGEST], dtype=float)
    n = len(part)
    centred = part - part.mean() if n else part
    spread = float(centred @ centred)
    if n < 2 or spread == 0:
        return 1.0
    size = fft.next_fast_len(2 * n, real=True)
    power = np.abs(fft.rfft(centred, size)) ** 2
    correlation = fft.irfft(power, size)[: n // 2] / spread
    sums = 2 * np.cumsum(correlation) - 1
    enough = np.flatnonzero(np.arange(len(sums)) >= _WINDOW * np.maximum(sums, 1.0))
    window = int(enough[0]) if len(enough) else len(sums) - 1
    found = float(sums[window])
    return found if found > 1 + np.sqrt((4 * window + 2) / n) else 1.0


def design_effect(
    passed: Sequence[float] | npt.NDArray[np.float64],
    clusters: Sequence[Hashable] | npt.NDArray[Any],
) -> float:
    """By how much the variance of a share exceeds that of independent answers, at least 1.

    Repeats of a question are answered alike, and n of them say less than n questions. The ratio of the
    variance between questions (Taylor linearisation, Cochran, Sampling Techniques, 9A.5) to the binomial.

    Args:
        passed: One 0 or 1 per answer.
        clusters: Which question each belongs to.
    """
    frame = pd.DataFrame({"passed": np.asarray(passed, dtype=float), "cluster": clusters})
    n, share = len(frame), float(frame["passed"].mean()) if len(frame) else 0.0
    by_question = frame.groupby("cluster", sort=False)["passed"].agg(["sum", "count"])
    groups = len(by_question)
    binomial = n * share * (1 - share)
    if groups == n or groups < 2 or binomial == 0:
        # nothing to learn from: a single question asked n times counts as one answer
        return float(n / groups) if groups and groups < n else 1.0
    residuals = by_question["sum"] - share * by_question["count"]
    between = float((residuals**2).sum()) * groups / (groups - 1)
    return max(1.0, between / binomial)
