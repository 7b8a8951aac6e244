"""A metric in an arm, reduced to a sum per unit: what all inference about means, shares and ratios needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from tea_tasting.aggr import Aggregates

Floats = npt.NDArray[np.float64]

VALUE, WEIGHT, COVARIATE = "value", "weight", "covariate"
"""Names of the three in tea-tasting's aggregates."""


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums over the calls of each unit; the metric is the ratio of their totals.

    Attributes:
        value: Numerator, one per unit: of a mean or a share, the sum of the calls' values.
        weight: Denominator, one per unit: of a mean or a share, the number of calls.
        calls: Calls in all.
        squares: Over calls: sums of value squared, value times weight, and weight squared.
        covariate: What was known of each unit before the experiment, if anything (CUPED).
    """

    value: Floats
    weight: Floats
    calls: int
    squares: tuple[float, float, float]
    covariate: Floats | None = None

    @property
    def units(self) -> int:
        return len(self.value)

    @property
    def ratio(self) -> float:
        return float(self.value.sum() / self.weight.sum())

    @property
    def independent_variance(self) -> float:
        """The variance that the ratio would have if all calls were independent."""
        ratio = self.ratio
        yy, yw, ww = self.squares
        return max(0.0, yy - 2 * ratio * yw + ratio**2 * ww) / float(self.weight.sum()) ** 2

    def with_covariate(self, covariate: Floats) -> Sums:
        return replace(self, covariate=covariate)

    def aggregates(self) -> Aggregates:
        """Count, means, variances and covariances over units, as tea-tasting takes them."""
        columns = {VALUE: self.value, WEIGHT: self.weight}
        if self.covariate is not None:
            columns[COVARIATE] = self.covariate
        names = list(columns)
        matrix = np.vstack([columns[name] for name in names])
        covariances = np.atleast_2d(np.cov(matrix))
        return Aggregates(
            count_=self.units,
            mean_={name: float(row.mean()) for name, row in zip(names, matrix, strict=True)},
            var_={name: float(covariances[i, i]) for i, name in enumerate(names)},
            cov_={
                (left, right): float(covariances[i, j])
                for i, left in enumerate(names)
                for j, right in enumerate(names)
                if i < j
            },
        )


def sums(
    units: npt.NDArray[np.intp],
    value: Floats,
    weight: Floats | None = None,
    *,
    size: int,
) -> Sums:
    """Calls reduced to units.

    Args:
        units: The unit of each call, as a number below `size`.
        value: Of each call.
        weight: Denominator of each call; without it, each counts one.
        size: Number of units of the arm, with or without calls that have a value; those without are left out.
    """
    counts = np.bincount(units, minlength=size).astype(np.float64)
    present = counts > 0
    total = np.bincount(units, weights=value, minlength=size)[present].astype(np.float64)
    weights = counts[present]
    if weight is None:
        squares = (float(value @ value), float(value.sum()), float(len(value)))
    else:
        weights = np.bincount(units, weights=weight, minlength=size)[present].astype(np.float64)
        squares = (float(value @ value), float(value @ weight), float(weight @ weight))
    return Sums(total, weights, len(value), squares)


def each(value: Floats) -> Sums:
    """Calls that are their own units."""
    ones = np.ones_like(value)
    return Sums(
        value, ones, len(value), (float(value @ value), float(value.sum()), float(len(value)))
    )
