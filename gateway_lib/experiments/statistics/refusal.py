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
SKEW = 0.25
"""Skewness of the difference up to which its distribution is taken as normal."""
HEAVIEST = 0.25
"""Share of an arm's calls that its largest unit may have."""

NO_VALUE = "no call has a value of it"
FEW_BEYOND = "n too small: too few calls lie beyond the quantile"


def of_sums(control: Sums, arm: Sums, rule: Rule, *, share: bool) -> str | None:
    """Why a mean, share or ratio is not analysed; None where it is."""
    fewest = sequence.FIRST_UNITS if rule.always_valid else FEWEST_UNITS
    if reason := _few(min(control.units, arm.units), fewest):
        return reason
    if min(control.weight.sum(), arm.weight.sum()) <= 0:
        return "its denominator is not above 0"
    if reason := _heavy(control, arm):
        return reason
    if not share and (skew := skewness(control, arm)) > SKEW:
        return (
            f"n too small for so skewed values: the difference has a skewness of {skew:.2f}, "
            f"and its error rates hold up to {SKEW:g}"
        )
    return None


def of_quantiles(control: Quantile, arm: Quantile, rule: Rule) -> str | None:
    """Why a quantile is not analysed; None where it is."""
    fewest = sequence.FIRST_UNITS if rule.always_valid else FEWEST_AT_A_QUANTILE
    if reason := _few(min(control.below.units, arm.below.units), fewest):
        return reason
    return _heavy(control.below, arm.below)


def skewness(control: Sums, arm: Sums) -> float:
    """Of the difference of two ratios, by the third moments of their linearised values."""
    third, second = 0.0, 0.0
    for sign, told in ((-1, control), (1, arm)):
        linear = _linear(told)
        squared = linear * linear
        third += sign * float(squared @ linear) / told.units**3
        second += float(squared.sum()) / told.units**2
    return abs(third) / math.pow(second, 1.5) if second > 0 else 0.0


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
