"""The difference of two arms' quantiles, without a density: order statistics and the square-and-add rule.

In one arm, the share of calls below the quantile is a mean of zeros and ones, whose standard error comes
from the delta method over units; the calls at the shares q -+ c errors bound the quantile (the outer
interval of Deng, Knoblich and Lu, KDD 2018). The bounds of two arms make one of the difference as
Newcombe's make one of two shares (Zou and Donner, Statistics in Medicine 2008), which keeps the long tail
of a p95 on its own side.

The rule adds squared distances of bounds, and a squared distance between order statistics is too large on
average: by one part in d where d calls lie between (that share of calls has a beta distribution; David and
Nagaraja, Order Statistics, 2003, 2.3). In one arm alone that is made good by how bounds and estimate move
together, since its interval is exact; of two, the less the more alike they are. So one part in d + 1 is taken
off each squared distance, times four times the product of both arms' shares of the sum: all of it where the
arms are alike, nothing where one arm alone decides. The simulation study shows what then holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway_lib.experiments.statistics.sums import VALUE, WEIGHT, Floats, Sums, each, table

_HALVINGS = 24


@dataclass(frozen=True, slots=True, eq=False)
class Quantile:
    """A quantile of an arm's calls.

    Attributes:
        q: Which.
        ordered: The calls' values, ascending.
        value: The quantile, interpolated.
        error: Standard error of the share of calls below it.
        below: Per unit, the calls below it and the calls.
    """

    q: float
    ordered: Floats
    value: float
    error: float
    below: Sums

    def bounds(self, critical: float) -> tuple[float, float] | None:
        """Values between which the quantile lies, `critical` standard errors to each side.

        None where there are too few calls for that: the bound would lie beyond the last of them.
        """
        below, above = self.q - critical * self.error, self.q + critical * self.error
        edge = 1 / len(self.ordered)
        if below < edge or above > 1 - edge:
            return None
        return self._at(below), self._at(above)

    def _at(self, share: float) -> float:
        """The value below which a share of the calls lies, interpolated."""
        place = share * (len(self.ordered) - 1)
        lower = int(place)
        left, right = self.ordered[lower], self.ordered[min(lower + 1, len(self.ordered) - 1)]
        return float(left + (place - lower) * (right - left))

    def between(self, critical: float) -> float:
        """How many calls lie between the quantile and one of its bounds."""
        return critical * self.error * len(self.ordered)

    @property
    def furthest(self) -> float:
        """How many standard errors there are to the nearer end of the calls."""
        if self.error == 0:
            return 0.0
        n = len(self.ordered)
        return max(0.0, min(self.q - 1 / n, 1 - 1 / n - self.q) / self.error)


def quantile(
    value: Floats, q: float, units: npt.NDArray[np.intp] | None = None, *, size: int = 0
) -> Quantile:
    """A quantile of calls.

    Args:
        value: Of each call.
        q: Which.
        units: The unit of each call, below `size`; without it calls are their own units.
        size: Number of units.
    """
    ordered = np.sort(value)
    at = float(np.quantile(ordered, q))
    under = (value <= at).astype(float)
    if units is None:
        below = each(under)
    else:
        below = table(units, np.ones(len(under), dtype=bool), under, size=size).every()
    told = below.aggregates()
    error = math.sqrt(max(0.0, told.ratio_var(VALUE, WEIGHT) / told.count()))
    # of a unit that has nearly all calls nothing can be learnt; else never less than of independent calls
    return Quantile(q, ordered, at, max(error, math.sqrt(q * (1 - q) / len(value))), below)


@dataclass(frozen=True, slots=True, eq=False)
class QuantileContrast:
    """Quantiles of two arms; `correlation` of their shares below, not 0 for pairs."""

    control: Quantile
    arm: Quantile
    correlation: float

    @property
    def effective(self) -> float:
        """How many independent calls would say as much."""
        independent = sum(
            part.q * (1 - part.q) / len(part.ordered) for part in (self.control, self.arm)
        )
        calls = len(self.control.ordered) + len(self.arm.ordered)
        return calls * independent / (self.control.error**2 + self.arm.error**2)

    def interval(self, critical: float, factor: float = 1.0) -> tuple[float, float] | None:
        """Of the arm minus a multiple of the control; None where there are too few calls."""
        return self._interval(critical, lambda value: factor * value, lambda value: value)

    def log_interval(self, critical: float) -> tuple[float, float] | None:
        """Of the logarithm of arm / control; None where there are too few calls, or zeros."""
        control, arm = self.control.bounds(critical), self.arm.bounds(critical)
        if control is None or arm is None or min(control[0], arm[0]) <= 0:
            return None
        return self._interval(critical, math.log, math.log)

    def furthest_excluding_zero(self) -> float:
        """The greatest number of standard errors at which the interval leaves zero out."""
        low, high = 0.0, min(self.control.furthest, self.arm.furthest)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            told = self.interval(middle)
            if told is not None and (told[0] > 0 or told[1] < 0):
                low = middle
            else:
                high = middle
        return low

    def _interval(
        self,
        critical: float,
        of_control: Callable[[float], float],
        of_arm: Callable[[float], float],
    ) -> tuple[float, float] | None:
        control, arm = self.control.bounds(critical), self.arm.bounds(critical)
        if control is None or arm is None:
            return None
        centre_c, low_c, high_c = (of_control(v) for v in (self.control.value, *control))
        centre_a, low_a, high_a = (of_arm(v) for v in (self.arm.value, *arm))
        difference = centre_a - centre_c
        between = self.control.between(critical), self.arm.between(critical)
        return (
            difference - self._together((high_c - centre_c, centre_a - low_a), between),
            difference + self._together((centre_c - low_c, high_a - centre_a), between),
        )

    def _together(self, distances: tuple[float, float], between: tuple[float, float]) -> float:
        left, right = (distance**2 for distance in distances)
        whole = left + right
        if whole == 0:
            return 0.0
        if self.correlation:  # of pairs too much is not known, and so nothing is taken off
            return math.sqrt(max(0.0, whole - 2 * self.correlation * distances[0] * distances[1]))
        evenness = 4 * left * right / whole**2
        excess = left / (between[0] + 1) + right / (between[1] + 1)
        return math.sqrt(max(0.0, whole - evenness * excess))


def quantile_contrast(
    control: Quantile, arm: Quantile, *, paired: bool = False
) -> QuantileContrast:
    """The two together; `paired` where the same units, in the same order, were in both."""
    if not paired:
        return QuantileContrast(control, arm, 0.0)
    of_control, of_arm = (
        part.below.value - part.below.ratio * part.below.weight for part in (control, arm)
    )
    spread = math.sqrt(float(of_control @ of_control) * float(of_arm @ of_arm))
    return QuantileContrast(control, arm, float(of_control @ of_arm) / spread if spread else 0.0)
