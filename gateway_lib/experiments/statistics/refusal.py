"""What is not analysed, because the simulation study shows that its errors would not hold."""

from __future__ import annotations

import math

import numpy as np

from gateway_lib.experiments.statistics import sequence
from gateway_lib.experiments.statistics.intervals import Rule
from gateway_lib.experiments.statistics.quantiles import Quantile
from gateway_lib.experiments.statistics.sums import Floats, Sums

FEWEST_UNITS = 20
"""Of an arm, for one look."""
FEWEST_AT_A_QUANTILE = 50
"""Units of an arm that a quantile needs, for one look."""
SKEW = 0.2
"""Skewness of the difference of two arms up to which its distribution is taken as normal."""
HEAVIEST = 0.25
"""Share of an arm's calls that its largest unit may have."""

NO_VALUE = "no call has a value of it"
FEW_BEYOND = "n too small: too few calls lie beyond the quantile"


def of_sums(
    control: Sums, arm: Sums, rule: Rule, *, share: bool, paired: bool = False
) -> str | None:
    """Why a mean, share or ratio is not analysed; None where it is."""
    fewest = sequence.FIRST_UNITS if rule.always_valid else FEWEST_UNITS
    if reason := _few(min(control.units, arm.units), fewest):
        return reason
    if min(control.weight.sum(), arm.weight.sum()) <= 0:
        return "its denominator is not above 0"
    if reason := _heavy(control, arm):
        return reason
    lonely = control.units == control.calls and arm.units == arm.calls
    newcombe = share and lonely and not rule.always_valid
    if not newcombe and not paired and (skew := skewness(control, arm)) > SKEW:
        return (
            "n too small for so skewed values in arms of so different sizes: the difference has a "
            f"skewness of {skew:.2f}, and its error rates hold up to {SKEW:g}"
        )
    return None


def of_quantiles(control: Quantile, arm: Quantile, rule: Rule) -> str | None:
    """Why a quantile is not analysed; None where it is."""
    fewest = sequence.FIRST_UNITS if rule.always_valid else FEWEST_AT_A_QUANTILE
    if reason := _few(min(control.below.units, arm.below.units), fewest):
        return reason
    return _heavy(control.below, arm.below)


def skewness(control: Sums, arm: Sums) -> float:
    """Of the difference of two ratios, were the units of both arms alike.

    The third moment is that of all units together, and not of each arm: an arm that has happened to get none
    of the long tail looks less skewed and lower at once, and to analyse just those would find differences.
    In arms of the same size the skewness cancels.
    """
    pooled = np.concatenate([_linear(control), _linear(arm)])
    squared = pooled * pooled
    spread = float(squared.mean())
    if spread == 0:
        return 0.0
    own = float(squared @ pooled) / len(pooled) / math.pow(spread, 1.5)
    left, right = 1 / control.units, 1 / arm.units
    return abs(own * (left**2 - right**2)) / math.pow(left + right, 1.5)


def _linear(told: Sums) -> Floats:
    linear: Floats = (told.value - told.ratio * told.weight) / told.weight.mean()
    return linear


def _few(units: int, fewest: int) -> str | None:
    if units >= fewest:
        return None
    return f"n too small: {units} units in an arm, and it takes {fewest}"


def _heavy(control: Sums, arm: Sums) -> str | None:
    largest = max(float(np.abs(told.weight).max() / told.weight.sum()) for told in (control, arm))
    if largest <= HEAVIEST:
        return None
    return f"one unit has {largest:.0%} of an arm's calls: there is too little to compare it with"
