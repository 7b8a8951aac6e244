"""How often a difference of two quantiles is found, by the bounds that its analysis would have.

A quantile's interval lies between order statistics, and in a long tail these lie further out on the far
side than a density at the quantile says, the more so the more standard errors an interval has: those of a
sequence most. So the plan asks for each look where the interval's bounds would be, of log-normal calls, and
takes the power from there. What the far calls of an arm do when its quantile is off is what a Brownian
bridge does there on average (the weak limit of an empirical distribution; van der Vaart, Asymptotic
Statistics, 1998, 19.1). Which of all ways in which two arms can be off matters is the one most likely to
give a difference (the design point of a first-order reliability method; Hasofer and Lind, 1974).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import norm

from gateway_lib.experiments.statistics import sequence
from gateway_lib.experiments.statistics.power import FURTHEST, LOOKS, passing

_LEAST = 1e-9
_MOST_CALLS = 2**40

Bounds = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Tails:
    """Two arms with log-normal calls.

    Attributes:
        q: The quantile.
        sigma: Of the calls' logarithm; the same in both arms.
        factor: The arm's quantile as a multiple of the control's.
        control: Independent calls, at the last look.
        arm: The same of the arm.
    """

    q: float
    sigma: float
    factor: float
    control: float
    arm: float

    def edges(self, time: float, critical: float) -> tuple[float, float]:
        """How far off the estimated difference must be for the interval to leave zero out.

        In standard errors of it, at a share `time` of the calls: below the first the arm is found to have
        less, above the second more. Infinite where there are too few calls for the bounds.
        """
        control, arm = self.control * time, self.arm * time
        if min(self._room(control, critical), self._room(arm, critical)) <= 0:
            return -math.inf, math.inf
        errors = 1 / math.sqrt(control), self.factor / math.sqrt(arm)
        whole = math.hypot(*errors)

        def parts(off: float) -> tuple[Bounds, Bounds]:
            return (
                self._bounds(1.0, control, critical, -off * errors[0] / whole),
                self._bounds(self.factor, arm, critical, off * errors[1] / whole),
            )

        def less(off: float) -> float:
            (low, value, _), (_, other, high) = parts(off)
            return other - value + math.hypot(high - other, value - low)

        def more(off: float) -> float:
            (_, value, high), (low, other, _) = parts(off)
            return other - value - math.hypot(other - low, high - value)

        return _root(less), _root(more)

    def _room(self, calls: float, critical: float) -> float:
        error = math.sqrt(self.q * (1 - self.q) / calls)
        return min(self.q, 1 - self.q) - critical * error - 1 / calls

    def _bounds(self, value: float, calls: float, critical: float, off: float) -> Bounds:
        """Lower bound, estimate and upper bound of an arm whose estimate is so many errors off."""
        q = self.q
        error = math.sqrt(q * (1 - q) / calls)
        below, above = q - critical * error, q + critical * error
        at = (
            below + off * error * below / q,
            q + off * error,
            above + off * error * (1 - above) / (1 - q),
        )
        low, middle, high = (value * self._quantile(share) for share in at)
        return low, middle, high

    def _quantile(self, share: float) -> float:
        """Of the control, as a multiple of its value at `q`."""
        share = min(1 - _LEAST, max(_LEAST, share))
        return math.exp(self.sigma * float(ndtri(share) - ndtri(self.q)))


def sigma_of(q: float, value: float, deviation: float) -> float:
    """Of the log-normal with that quantile, whose error over n calls is the deviation over the root of n."""
    return deviation * float(norm.pdf(norm.ppf(q))) / (math.sqrt(q * (1 - q)) * value)


@lru_cache(maxsize=4096)
def power(tails: Tails, alpha: float, *, sequential: bool, share: float = 1.0) -> float:
    """That the interval leaves zero out at one look, or at any of `LOOKS` looks of a sequence.

    Args:
        tails: The arms.
        alpha: Two-sided error.
        sequential: Whether it is a sequence's.
        share: Information at the last look, as a share of that for which the sequence is tuned.
    """
    if not sequential:
        low, high = tails.edges(1.0, float(norm.isf(alpha / 2)))
        return float(norm.cdf(low) + norm.sf(high))
    edges = []
    for look in range(1, LOOKS + 1):
        time = look / LOOKS
        critical = sequence.critical(sequence.clock(time * share, 1.0, alpha), alpha)
        low, high = tails.edges(time, critical)
        edges.append((low * math.sqrt(time), high * math.sqrt(time)))
    return passing(edges)


@lru_cache(maxsize=1024)
def size_for(wanted: float, tails: Tails, alpha: float, *, sequential: bool) -> float:
    """By what the calls of both arms have to be multiplied for a power."""

    def enough(times: float) -> bool:
        return power(_times(tails, times), alpha, sequential=sequential) >= wanted

    low, high = 0.0, 1.0
    while not enough(high):
        low, high = high, 2 * high
        if high > _MOST_CALLS:
            return math.inf
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def factor_for(
    wanted: float, tails: Tails, alpha: float, *, sequential: bool, share: float = 1.0
) -> float | None:
    """The factor nearest to 1, on the side of that of `tails`, that is found with a power; None without."""
    side = math.copysign(1.0, tails.factor - 1)

    def lacking(size: float) -> float:
        changed = Tails(tails.q, tails.sigma, math.exp(side * size), tails.control, tails.arm)
        return power(changed, alpha, sequential=sequential, share=share) - wanted

    furthest = FURTHEST * tails.sigma
    if lacking(furthest) < 0:
        return None
    return math.exp(side * float(brentq(lacking, 0.0, furthest, xtol=1e-4)))


def _times(tails: Tails, times: float) -> Tails:
    return Tails(tails.q, tails.sigma, tails.factor, tails.control * times, tails.arm * times)


def _root(found: Callable[[float], float]) -> float:
    """Where an increasing function of the standard errors crosses zero; infinite where nowhere near."""
    if found(-FURTHEST) > 0:
        return -math.inf
    if found(FURTHEST) < 0:
        return math.inf
    return float(brentq(found, -FURTHEST, FURTHEST, xtol=1e-4))
