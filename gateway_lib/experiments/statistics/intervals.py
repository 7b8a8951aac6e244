"""The interval and the p-value of a difference, for one look or for all looks together.

One look: Welch's t over units, by tea-tasting; Newcombe's interval of two shares of independent calls, by
statsmodels; a t over pairs. All looks: the confidence sequence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import t as student
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep
from tea_tasting.aggr import Aggregates
from tea_tasting.metrics import RatioOfMeans

from gateway_lib.experiments.statistics import sequence
from gateway_lib.experiments.statistics.contrast import Contrast
from gateway_lib.experiments.statistics.quantiles import QuantileContrast
from gateway_lib.experiments.statistics.sums import COVARIATE, VALUE, WEIGHT

Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rule:
    """One look, or any number.

    Attributes:
        alpha: Two-sided error.
        target: For any number of looks: independent calls at the planned end. None for one look.
    """

    alpha: float
    target: float | None = None

    @property
    def always_valid(self) -> bool:
        return self.target is not None

    def two_sided(self, effective: float, degrees: float = math.inf) -> float:
        """Half width in standard errors."""
        if self.target is None:
            return float(student.ppf(1 - self.alpha / 2, degrees))
        return sequence.critical(self._time(effective, self.target), self.alpha)

    def one_sided(self, effective: float, degrees: float = math.inf) -> float:
        """Distance of a bound that errs to one side alone, in standard errors."""
        if self.target is None:
            return float(student.ppf(1 - self.alpha, degrees))
        return sequence.critical_one_sided(self._time(effective, self.target), self.alpha)

    def p_value(self, z: float, effective: float, degrees: float = math.inf) -> float:
        """Of a difference of `z` standard errors."""
        if self.target is None:
            return float(2 * student.sf(abs(z), degrees))
        return sequence.p_value(z, self._time(effective, self.target))

    def _time(self, effective: float, target: float) -> float:
        return sequence.clock(effective, target, self.alpha)


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a difference; `relative` to the control where both are positive."""

    absolute: Bounds
    relative: Bounds | None
    p_value: float
    method: str


def of_ratio(contrast: Contrast, rule: Rule) -> Told:
    """Of means, ratios, and shares where a unit has several calls."""
    log_error, error = contrast.log_error, contrast.error
    if contrast.aggregates and not rule.always_valid and log_error is not None and error > 0:
        return _welch(contrast, contrast.aggregates, rule)
    degrees = _degrees(contrast, rule)
    critical = rule.two_sided(contrast.effective, degrees)
    relative = None
    if log_error is not None:
        centre = math.log(contrast.arm / contrast.control)
        width = critical * log_error
        relative = (math.expm1(centre - width), math.expm1(centre + width))
    z = contrast.absolute / error if error > 0 else math.inf
    return Told(
        (contrast.absolute - critical * error, contrast.absolute + critical * error),
        relative,
        1.0 if contrast.absolute == 0 else rule.p_value(z, contrast.effective, degrees),
        _method(contrast, rule),
    )


def of_shares(contrast: Contrast, rule: Rule) -> Told:
    """Of two shares; of independent calls at one look, Newcombe's hybrid of two Wilson intervals."""
    if not _newcombe(contrast, rule):
        return of_ratio(contrast, rule)
    n_c, n_a = contrast.calls_control, contrast.calls_arm
    k_c, k_a = round(contrast.control * n_c), round(contrast.arm * n_a)
    low, high = confint_proportions_2indep(
        k_a, n_a, k_c, n_c, compare="diff", method="newcomb", alpha=rule.alpha
    )
    relative = None
    if k_c and k_a:
        ratio = confint_proportions_2indep(
            k_a, n_a, k_c, n_c, compare="ratio", method="log-adjusted", alpha=rule.alpha
        )
        relative = (float(ratio[0]) - 1, float(ratio[1]) - 1)
    p_value = 1.0
    if 0 < k_c + k_a < n_c + n_a:
        p_value = float(
            test_proportions_2indep(
                k_a, n_a, k_c, n_c, compare="diff", method="score", correction=False
            ).pvalue
        )
    return Told((float(low), float(high)), relative, p_value, "Newcombe's interval, score test")


def of_quantiles(contrast: QuantileContrast, rule: Rule) -> Told | None:
    """Of two quantiles; None where there are too few calls beyond them."""
    critical = rule.two_sided(contrast.effective)
    absolute = contrast.interval(critical)
    if absolute is None:
        return None
    logs = contrast.log_interval(critical)
    return Told(
        absolute,
        None if logs is None else (math.expm1(logs[0]), math.expm1(logs[1])),
        rule.p_value(contrast.furthest_excluding_zero(), contrast.effective),
        "order statistics" + (", confidence sequence" if rule.always_valid else ""),
    )


def one_sided(contrast: Contrast, rule: Rule, factor: float = 1.0) -> Bounds:
    """Bounds of the arm minus a multiple of the control, each of which errs with alpha."""
    centre = contrast.arm - factor * contrast.control
    half = rule.one_sided(contrast.effective, _degrees(contrast, rule))
    half *= contrast.error_against(factor)
    return centre - half, centre + half


def one_sided_shares(contrast: Contrast, rule: Rule, factor: float = 1.0) -> Bounds:
    """The same of two shares; of independent calls at one look, Newcombe's at twice the error."""
    if factor != 1 or not _newcombe(contrast, rule):
        return one_sided(contrast, rule, factor)
    return of_shares(contrast, Rule(2 * rule.alpha)).absolute


def one_sided_quantiles(
    contrast: QuantileContrast, rule: Rule, factor: float = 1.0
) -> Bounds | None:
    """The same of two quantiles; None where there are too few calls beyond them."""
    return contrast.interval(rule.one_sided(contrast.effective), factor)


def _newcombe(contrast: Contrast, rule: Rule) -> bool:
    calls, units = (
        (contrast.calls_control, contrast.calls_arm),
        (contrast.n_control, contrast.n_arm),
    )
    plain = contrast.aggregates is not None and contrast.reduction is None
    return calls == units and plain and not rule.always_valid


def _welch(contrast: Contrast, aggregates: tuple[Aggregates, Aggregates], rule: Rule) -> Told:
    covariate = COVARIATE if COVARIATE in aggregates[0].mean_ else None
    metric = RatioOfMeans(
        VALUE, WEIGHT, covariate, confidence_level=1 - rule.alpha, equal_var=False, use_t=True
    )
    told = metric.analyze_aggregates(*aggregates)
    return Told(
        (told.effect_size_ci_lower, told.effect_size_ci_upper),
        (told.rel_effect_size_ci_lower, told.rel_effect_size_ci_upper),
        told.pvalue,
        _method(contrast, rule),
    )


def _degrees(contrast: Contrast, rule: Rule) -> float:
    """Of freedom: Welch's, or of the pairs; of a sequence there is no such thing."""
    if rule.always_valid:
        return math.inf
    if contrast.aggregates is None:
        return contrast.n_arm - 1
    c, a = contrast.control_error**2, contrast.arm_error**2
    if c + a == 0:
        return contrast.n_control + contrast.n_arm - 2
    return (c + a) ** 2 / (c**2 / (contrast.n_control - 1) + a**2 / (contrast.n_arm - 1))


def _method(contrast: Contrast, rule: Rule) -> str:
    words = ["paired"] if contrast.aggregates is None else []
    several = contrast.calls_arm > contrast.n_arm or contrast.calls_control > contrast.n_control
    words.append("delta method over units" if several else "means over units")
    if contrast.reduction is not None:
        words.append("CUPED")
    words.append("confidence sequence" if rule.always_valid else "t")
    return ", ".join(words)
