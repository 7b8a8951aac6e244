"""How often a difference is found: at one look, or at any of several looks of a confidence sequence.

A difference is measured by its drift: the difference over its standard error at the planned end.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from gateway_lib.experiments.statistics import sequence

LOOKS = 30
"""Looks that a plan of a sequential experiment counts with, evenly spread; more find a little more."""
_GRID = 121
_FURTHEST = 12.0


def fixed_power(drift: float, alpha: float) -> float:
    """Of a two-sided test at one look."""
    critical = norm.isf(alpha / 2)
    return float(norm.cdf(drift - critical) + norm.cdf(-drift - critical))


@lru_cache(maxsize=4096)
def sequential_power(drift: float, alpha: float, share: float = 1.0, looks: int = LOOKS) -> float:
    """That the sequence excludes zero at one of the looks, by numerical integration.

    The estimate's path is a Brownian motion with drift, followed from look to look as long as it stays
    inside (Armitage, McPherson and Rowe, JRSS A 1969).

    Args:
        drift: At the last look.
        alpha: Two-sided error.
        share: Information at the last look, as a share of that for which the sequence is tuned.
        looks: How many, evenly spread over the information.
    """
    step = 1 / looks
    sd = math.sqrt(step)
    points = np.zeros(1)
    density = np.ones(1)
    for look in range(1, looks + 1):
        time = look * step
        clock = sequence.clock(time * share, 1.0, alpha)
        edge = sequence.critical(clock, alpha) * math.sqrt(time)
        grid = np.linspace(-edge, edge, _GRID)
        weights = np.full(_GRID, grid[1] - grid[0])
        weights[[0, -1]] /= 2
        kernel = norm.pdf(grid[:, None], points[None, :] + drift * step, sd)
        points, density = grid, (kernel @ density) * weights
    return float(min(1.0, max(0.0, 1 - density.sum())))


def drift_for(power: float, alpha: float, *, sequential: bool, share: float = 1.0) -> float:
    """The drift that is found with a power; of a sequence, at the share of its target (see above)."""

    def lacking(drift: float) -> float:
        if sequential:
            return sequential_power(drift, alpha, share) - power
        return fixed_power(drift, alpha) - power

    return float(brentq(lacking, 0.0, _FURTHEST, xtol=1e-4))
