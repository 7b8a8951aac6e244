"""The difference of two arms with its standard error, by the delta method over units.

Of a ratio of sums R = sum(y) / sum(w) over n units the variance is that of the mean of the linearised
values (y - R w) / mean(w) (Deng, Knoblich and Lu, Applying the delta method in metric analytics, KDD
2018). A mean over calls is the ratio with w the calls of the unit, so it is right for sticky units.
tea-tasting has the variances and the covariate's coefficient (CUPED; Deng, Xu, Kohavi and Walker, WSDM 2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from tea_tasting.aggr import Aggregates

from gateway_lib.experiments.statistics.sums import COVARIATE, VALUE, WEIGHT, Sums


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two arms' values, and how well they are known.

    Attributes:
        control: The control's value.
        arm: The other arm's.
        control_error: Standard error of the control's.
        arm_error: Of the other's.
        shared: Covariance of the two; not 0 where the same units were in both (pairs).
        n_control: Units.
        n_arm: Units.
        calls_control: Calls.
        calls_arm: Calls.
        effective: How many independent calls would say as much as all of these.
        reduction: Share of the variance that the covariate took away.
        aggregates: What tea-tasting makes a Welch test of; None for pairs.
    """

    control: float
    arm: float
    control_error: float
    arm_error: float
    shared: float
    n_control: int
    n_arm: int
    calls_control: int
    calls_arm: int
    effective: float
    reduction: float | None
    aggregates: tuple[Aggregates, Aggregates] | None

    @property
    def absolute(self) -> float:
        return self.arm - self.control

    @property
    def error(self) -> float:
        """Standard error of the difference."""
        return self.error_against(1.0)

    def error_against(self, factor: float) -> float:
        """Standard error of the arm minus a multiple of the control."""
        variance = self.arm_error**2 + (factor * self.control_error) ** 2 - 2 * factor * self.shared
        return math.sqrt(max(0.0, variance))

    @property
    def log_error(self) -> float | None:
        """Standard error of the logarithm of arm / control; None unless both are positive."""
        if self.control <= 0 or self.arm <= 0:
            return None
        variance = (
            (self.arm_error / self.arm) ** 2
            + (self.control_error / self.control) ** 2
            - 2 * self.shared / (self.arm * self.control)
        )
        return math.sqrt(max(0.0, variance))


def independent(control: Sums, arm: Sums, *, share: bool = False) -> Contrast:
    """Of arms that have different units.

    Args:
        control: The control's sums.
        arm: The other arm's.
        share: Whether values are 0 or 1. Then an error is at least that of the share after adding two of
            each (Agresti and Coull), since none at all among few calls does not mean never.
    """
    parts = (control.aggregates(), arm.aggregates())
    coefficient, centre = _covariate(parts)
    values, errors, plain = [], [], 0.0
    for part, told in zip(parts, (control, arm), strict=True):
        shift = part.mean(COVARIATE) - centre if told.covariate is not None else 0.0
        values.append(told.ratio - coefficient * shift)
        raw = part.ratio_var(VALUE, WEIGHT) / part.count()
        variance = raw
        if coefficient:
            together = part.ratio_cov(VALUE, WEIGHT, COVARIATE, None)
            variance += (
                coefficient**2 * part.var(COVARIATE) - 2 * coefficient * together
            ) / part.count()
        plain += raw
        floor = _floor(told) if share else 0.0
        errors.append(math.sqrt(max(variance, floor, 0.0)))
    kept = errors[0] ** 2 + errors[1] ** 2
    return Contrast(
        control=values[0],
        arm=values[1],
        control_error=errors[0],
        arm_error=errors[1],
        shared=0.0,
        n_control=control.units,
        n_arm=arm.units,
        calls_control=control.calls,
        calls_arm=arm.calls,
        effective=_effective(control, arm, kept, share),
        reduction=max(0.0, 1 - kept / plain) if coefficient and plain > 0 else None,
        aggregates=parts,
    )


def paired(control: Sums, arm: Sums, *, share: bool = False) -> Contrast:
    """Of arms that had the same units, in the same order."""
    ratios = (control.ratio, arm.ratio)
    linear = [
        (told.value - ratio * told.weight) / told.weight.mean()
        for told, ratio in zip((control, arm), ratios, strict=True)
    ]
    covariances = np.cov(np.vstack(linear)) / control.units
    errors = [float(covariances[i, i]) for i in (0, 1)]
    shared = float(covariances[0, 1])
    if share:
        difference = max(sum(errors) - 2 * shared, _pair_floor(control, arm))
        errors = [max(e, _floor(told)) for e, told in zip(errors, (control, arm), strict=True)]
        shared = (sum(errors) - difference) / 2
    return Contrast(
        control=ratios[0],
        arm=ratios[1],
        control_error=math.sqrt(errors[0]),
        arm_error=math.sqrt(errors[1]),
        shared=shared,
        n_control=control.units,
        n_arm=arm.units,
        calls_control=control.calls,
        calls_arm=arm.calls,
        effective=_effective(control, arm, sum(errors), share),
        reduction=None,
        aggregates=None,
    )


def _covariate(parts: tuple[Aggregates, Aggregates]) -> tuple[float, float]:
    """Coefficient and mean of the covariate, over both arms together as tea-tasting has it."""
    if COVARIATE not in parts[0].mean_:
        return 0.0, 0.0
    total = parts[0] + parts[1]
    variance = total.var(COVARIATE)
    if variance == 0:
        return 0.0, 0.0
    return total.ratio_cov(VALUE, WEIGHT, COVARIATE, None) / variance, total.mean(COVARIATE)


def _floor(told: Sums) -> float:
    share = (told.value.sum() + 2) / (told.calls + 4)
    return float(share * (1 - share) / (told.calls + 4))


def _pair_floor(control: Sums, arm: Sums) -> float:
    """Of the difference of pairs: one more discordant pair of each kind (Agresti and Min, 2005)."""
    n = control.calls + 2
    apart = float(np.abs(arm.value - control.value).sum()) + 1
    return max(0.0, apart / n - float((arm.value - control.value).sum() / n) ** 2) / n


def _effective(control: Sums, arm: Sums, variance: float, share: bool) -> float:
    calls = control.calls + arm.calls
    if variance <= 0:
        return float(calls)
    # a share's error has a floor, and so has what it would be of independent calls
    alone = sum(
        max(told.independent_variance, _floor(told) if share else 0.0) for told in (control, arm)
    )
    return calls * alone / variance
