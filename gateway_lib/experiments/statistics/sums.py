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


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Sums of calls in cells, from which those of an arm's units are taken.

    Attributes:
        count: Calls of each cell.
        value: Their values' sum.
        weight: Their denominators' sum.
        squares: Three sums of each cell, as of `Sums`.
    """

    count: Floats
    value: Floats
    weight: Floats
    squares: tuple[Floats, Floats, Floats]

    def every(self, step: int = 1, first: int = 0, covariate: Floats | None = None) -> Sums:
        """Of every `step`-th cell from the `first` on that has a call.

        Args:
            step: Cells that each unit has: as many as there are arms.
            first: Number of the arm.
            covariate: Of each unit.
        """
        count = self.count[first::step]
        present = count > 0
        yy, yw, ww = (float(part[first::step].sum()) for part in self.squares)
        return Sums(
            self.value[first::step][present],
            self.weight[first::step][present],
            int(count.sum()),
            (yy, yw, ww),
            None if covariate is None else covariate[present],
        )


def table(
    cells: npt.NDArray[np.intp],
    known: npt.NDArray[np.bool_],
    value: Floats,
    weight: Floats | None = None,
    *,
    size: int,
) -> Table:
    """Calls added up.

    Args:
        cells: The cell of each call, as a number below `size`.
        known: Which calls count.
        value: Of each call.
        weight: Denominator of each call; without it, each counts one.
        size: Number of cells.
    """
    if not known.all():
        cells, value = cells[known], value[known]
        weight = None if weight is None else weight[known]

    def added(each: Floats | None) -> Floats:
        return np.bincount(cells, weights=each, minlength=size).astype(np.float64, copy=False)

    count, total = added(None), added(value)
    if weight is None:
        return Table(count, total, count, (added(value * value), total, count))
    squares = (added(value * value), added(value * weight), added(weight * weight))
    return Table(count, total, added(weight), squares)


def each(value: Floats) -> Sums:
    """Calls that are their own units."""
    ones = np.ones_like(value)
    return Sums(
        value, ones, len(value), (float(value @ value), float(value.sum()), float(len(value)))
    )
