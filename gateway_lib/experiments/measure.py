"""One metric of an experiment in one arm: its effect, its guardrail's bounds, each arm's own interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from gateway_lib.experiments.calls import Calls
from gateway_lib.experiments.metrics import Margin, Metric
from gateway_lib.experiments.results import Effect, Estimate, GuardrailResult, Refused
from gateway_lib.experiments.statistics import contrast, intervals, refusal
from gateway_lib.experiments.statistics.contrast import Contrast
from gateway_lib.experiments.statistics.intervals import Bounds, Rule, Told
from gateway_lib.experiments.statistics.quantiles import QuantileContrast, quantile_contrast
from gateway_lib.experiments.statistics.sums import Floats

Role = Literal["primary", "secondary", "guardrail"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric in the control and another arm, or why not.

    Attributes:
        metric: Which.
        control: Name.
        arm: Name.
        found: The contrast; of quantiles, or of sums.
        rule: One look, or any number.
    """

    metric: Metric
    control: str
    arm: str
    found: Contrast | QuantileContrast
    rule: Rule

    @property
    def control_value(self) -> float:
        found = self.found
        return found.control.value if isinstance(found, QuantileContrast) else found.control

    @property
    def arm_value(self) -> float:
        found = self.found
        return found.arm.value if isinstance(found, QuantileContrast) else found.arm

    @property
    def error(self) -> float:
        """Standard error of the difference; of quantiles, what it comes to around them."""
        if isinstance(self.found, Contrast):
            return self.found.error
        one = self.found.interval(1.0)
        return math.inf if one is None else (one[1] - one[0]) / 2

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Units of the control, of the arm; calls of the control, of the arm."""
        found = self.found
        if isinstance(found, QuantileContrast):
            control, arm = found.control, found.arm
            return control.below.units, arm.below.units, control.below.calls, arm.below.calls
        return found.n_control, found.n_arm, found.calls_control, found.calls_arm

    def told(self) -> Told | None:
        """The difference; None where a quantile has too few calls beyond it."""
        if isinstance(self.found, QuantileContrast):
            return intervals.of_quantiles(self.found, self.rule)
        if self.metric.kind == "proportion":
            return intervals.of_shares(self.found, self.rule)
        return intervals.of_ratio(self.found, self.rule)

    def effect(self, role: Role, correction: int = 1) -> Effect | Refused:
        """What is shown; `correction` multiplies the p-value (Bonferroni over arms)."""
        told = self.told()
        if told is None:
            return Refused(self.metric.name, self.arm, refusal.FEW_BEYOND)
        significant = told.absolute[0] > 0 or told.absolute[1] < 0
        n_control, n_arm, calls_control, calls_arm = self.counts
        absolute = self.arm_value - self.control_value
        relative = absolute / self.control_value if self.control_value > 0 else None
        reduction = self.found.reduction if isinstance(self.found, Contrast) else None
        return Effect(
            metric=self.metric.name,
            arm=self.arm,
            control=self.control,
            kind=self.metric.kind,
            role=role,
            absolute=absolute,
            low=told.absolute[0],
            high=told.absolute[1],
            relative=relative,
            relative_low=None if told.relative is None else told.relative[0],
            relative_high=None if told.relative is None else told.relative[1],
            p_value=told.p_value,
            p_adjusted=min(1.0, told.p_value * correction),
            always_valid=self.rule.always_valid,
            significant=significant,
            better=(absolute < 0) == (self.metric.goal == "lower") if significant else None,
            control_value=self.control_value,
            arm_value=self.arm_value,
            n_control=n_control,
            n_arm=n_arm,
            calls_control=calls_control,
            calls_arm=calls_arm,
            method=told.method,
            level=1 - self.rule.alpha,
            variance_reduction=reduction,
        )

    def guardrail(self, margin: Margin, effect: Effect) -> GuardrailResult:
        """Whether it is within its margin: bounds of how much worse it is, each at the rule's alpha."""
        sign = 1.0 if self.metric.goal == "lower" else -1.0
        allowed = 1 + sign * margin.margin
        relative = margin.relative and self.control_value > 0
        estimate = sign * (effect.relative or 0.0) if relative else sign * effect.absolute
        low, high = self._worse_by(sign, 1.0)
        holds: bool | None = None
        if relative:
            # judged as arm - (1 + margin) control, which needs no division by what is itself estimated
            below, above = self._worse_by(sign, allowed)
            low, high = (each / self.control_value + margin.margin for each in (below, above))
            holds = True if above < 0 else False if below > 0 else None
        elif not margin.relative:
            holds = True if high < margin.margin else False if low > margin.margin else None
        return GuardrailResult(
            metric=self.metric.name,
            arm=self.arm,
            margin=margin.margin,
            relative=margin.relative,
            stops=margin.stops,
            holds=holds,
            worse_by=estimate,
            low=low,
            high=high,
            effect=effect,
        )

    def _worse_by(self, sign: float, factor: float) -> Bounds:
        if isinstance(self.found, QuantileContrast):
            told = intervals.one_sided_quantiles(self.found, self.rule, factor)
            low, high = (-math.inf, math.inf) if told is None else told
        elif self.metric.kind == "proportion":
            low, high = intervals.one_sided_shares(self.found, self.rule, factor)
        else:
            low, high = intervals.one_sided(self.found, self.rule, factor)
        return (low, high) if sign > 0 else (-high, -low)


def measure(
    calls: Calls,
    metric: Metric,
    arm: int,
    rule: Rule,
    covariate: Floats | None = None,
) -> Measure | Refused:
    """A metric of the control (arm 0) and another arm, unless it would not be honest."""
    name = calls.arms[arm]
    for column in (metric.value, metric.per):
        if column is not None and column not in calls.frame:
            return Refused(metric.name, name, f"the outcomes have no {column}")
    found: Contrast | QuantileContrast
    paired = calls.pair is not None
    if metric.kind == "quantile":
        parts = calls.quantiles(metric, (0, arm))
        if parts is None:
            return Refused(metric.name, name, refusal.NO_VALUE)
        if reason := refusal.of_quantiles(*parts, rule):
            return Refused(metric.name, name, reason)
        found = quantile_contrast(*parts, paired=paired)
    else:
        sums = calls.sums(metric, (0, arm), None if paired else covariate)
        share = metric.kind == "proportion"
        if reason := refusal.of_sums(*sums, rule, share=share, paired=paired):
            return Refused(metric.name, name, reason)
        make = contrast.paired if paired else contrast.independent
        found = make(*sums, share=share)
    return Measure(metric, calls.arms[0], name, found, rule)


def estimates(found: Measure) -> tuple[Estimate, Estimate]:
    """Of the control and of the arm, each with its own interval."""
    n_control, n_arm, calls_control, calls_arm = found.counts
    return (
        _estimate(found, found.control, 0, n_control, calls_control),
        _estimate(found, found.arm, 1, n_arm, calls_arm),
    )


def _estimate(found: Measure, arm: str, which: int, units: int, calls: int) -> Estimate:
    told, rule = found.found, found.rule
    if isinstance(told, QuantileContrast):
        part = (told.control, told.arm)[which]
        bounds = part.bounds(rule.two_sided(told.effective)) or (-np.inf, np.inf)
        return Estimate(found.metric.name, arm, part.value, *bounds, units, calls)
    value = (told.control, told.arm)[which]
    error = (told.control_error, told.arm_error)[which]
    half = rule.two_sided(told.effective, math.inf if rule.always_valid else units - 1) * error
    low, high = value - half, value + half
    if found.metric.kind == "proportion":
        if units == calls and not rule.always_valid:
            low, high = proportion_confint(
                round(value * calls), calls, alpha=rule.alpha, method="wilson"
            )
        low, high = max(0.0, float(low)), min(1.0, float(high))
    return Estimate(found.metric.name, arm, value, low, high, units, calls)
