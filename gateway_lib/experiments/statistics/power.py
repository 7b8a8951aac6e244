"""How often a difference is found: at one look, or at any of several looks of a confidence sequence.

A difference is measured by its drift: the difference over its standard error at the planned end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from gateway_lib.experiments.statistics import sequence

LOOKS = 30
"""Looks that a plan of a sequential experiment counts with, evenly spread; more find a little more."""
_GRID = 121
FURTHEST = 12.0
"""Standard errors beyond which nothing is."""
_WIDEST = 8.0


def fixed_power(drift: float, alpha: float) -> float:
    """Of a two-sided test at one look."""
    critical = norm.isf(alpha / 2)
    return float(norm.cdf(drift - critical) + norm.cdf(-drift - critical))


@lru_cache(maxsize=4096)
def sequential_power(drift: float, alpha: float, share: float = 1.0, looks: int = LOOKS) -> float:
    """That the sequence excludes zero at one of the looks.

    Args:
        drift: At the last look.
        alpha: Two-sided error.
        share: Information at the last look, as a share of that for which the sequence is tuned.
        looks: How many, evenly spread over the information.
    """
    edges = []
    for look in range(1, looks + 1):
        time = look / looks
        clock = sequence.clock(time * share, 1.0, alpha)
        edge = sequence.critical(clock, alpha) * math.sqrt(time)
        edges.append((-edge - drift * time, edge - drift * time))
    return passing(edges)


def passing(edges: Sequence[tuple[float, float]]) -> float:
    """That a Brownian motion lies outside its edges at one of several looks, by numerical integration.

    It is followed from look to look as long as it stays inside (Armitage, McPherson and Rowe, JRSS A 1969).

    Args:
        edges: Lower and upper one of each look, evenly spread until time 1; infinite where nothing is told.
    """
    step = 1 / len(edges)
    sd = math.sqrt(step)
    points = np.zeros(1)
    density = np.ones(1)
    for look, (low, high) in enumerate(edges, 1):
        most = _WIDEST * math.sqrt(look * step)
        low, high = max(low, -most), min(high, most)
        if high <= low:
            return 1.0
        grid = np.linspace(low, high, _GRID)
        weights = np.full(_GRID, grid[1] - grid[0])
        weights[[0, -1]] /= 2
        kernel = np.exp(-0.5 * ((grid[:, None] - points[None, :]) / sd) ** 2)
        points, density = grid, (kernel @ density) * weights / (sd * math.sqrt(2 * math.pi))
    return float(min(1.0, max(0.0, 1 - density.sum())))


def drift_for(power: float, alpha: float, *, sequential: bool, share: float = 1.0) -> float:
    """The drift that is found with a power; of a sequence, at the share of its target (see above)."""

    def lacking(drift: float) -> float:
        if sequential:
            return sequential_power(drift, alpha, share) - power
        return fixed_power(drift, alpha) - power

    return float(brentq(lacking, 0.0, FURTHEST, xtol=1e-4))
