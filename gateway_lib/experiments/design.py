"""How many units an experiment needs, and how long that takes: before there is any traffic."""

from __future__ import annotations

import math

import pandas as pd

from gateway_lib.errors import DesignRefused
from gateway_lib.experiments.expectation import Expectation, expected, from_pilot
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.results import Plan
from gateway_lib.experiments.statistics import quantile_power
from gateway_lib.experiments.statistics.power import (
    LOOKS,
    drift_for,
    fixed_power,
    sequential_power,
)
from gateway_lib.experiments.statistics.quantile_power import Tails

UNPLANNED_CALLS = 10_000.0
"""Independent calls for which a sequence is tuned where nobody planned how many there will be."""
_STEPS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 2.0)


def plan(
    experiment: Experiment,
    *,
    units_per_day: float | None = None,
    pilot: pd.DataFrame | None = None,
) -> Plan:
    """Units, calls and days, with the power they give.

    Args:
        experiment: With `units` in its file, those are planned, and the plan says what they find.
        units_per_day: New units that come in a day, to all arms together.
        pilot: Outcomes of the control, which say more than the file's expectations.

    Raises:
        DesignRefused: The file does not say what a plan needs.
        OutcomesUnusable: The pilot has no outcomes of this experiment.
    """
    told = expected(experiment) if pilot is None else from_pilot(experiment, pilot)
    needed = units_needed(experiment, told)
    units = experiment.analysis.units or needed
    analysis, primary = experiment.analysis, experiment.primary
    per_arm = _shares(experiment)
    assumptions = list(told.sources)
    if units != needed:
        assumptions.append(
            f"The file plans {units:,} units; for a power of {analysis.power:.0%} "
            f"{needed:,} are needed."
        )
    if analysis.rule == "sequential":
        assumptions.append(
            f"It is looked at {LOOKS} times, evenly spread; more find a little more."
        )
    if experiment.routing.mode == "shadow":
        assumptions.append("Pairs are planned as if their calls were independent: fewer may do.")
    if experiment.guardrails:
        assumptions.append("Guardrails with narrow margins may need more units than this.")
    scale = effect_of(told, primary.mde)
    sizes = sorted({max(1, round(units * step)) for step in _STEPS})
    return Plan(
        metric=primary.metric,
        rule=analysis.rule,
        units=units,
        units_per_arm={arm: math.ceil(units * share) for arm, share in per_arm.items()},
        calls=math.ceil(units * told.calls_per_unit * (sum(per_arm.values()))),
        days=None if units_per_day is None else units / units_per_day,
        power=power(experiment, told, units, units),
        baseline=told.baseline,
        effect=scale,
        design_effect=told.design_effect,
        assumptions=tuple(assumptions),
        curve=tuple((size, power(experiment, told, size, units)) for size in sizes),
        mde_curve=tuple(
            (size, found)
            for size in sizes
            if (found := _mde(experiment, told, size, units)) is not None
        ),
    )


def plan_or_reason(
    experiment: Experiment, *, units_per_day: float | None = None
) -> tuple[Plan | None, tuple[str, ...]]:
    """A plan and what it assumes; None and the reason where the file does not say what a plan needs."""
    try:
        made = plan(experiment, units_per_day=units_per_day)
    except DesignRefused as error:
        return None, (f"no plan: {error}",)
    return made, made.assumptions


def units_needed(experiment: Experiment, told: Expectation) -> int:
    """Of all arms together, for the file's power at its MDE."""
    alpha, sequential = per_arm_alpha(experiment), experiment.analysis.rule == "sequential"
    drift = drift_for(experiment.analysis.power, alpha, sequential=sequential)
    effect = effect_of(told, experiment.primary.mde)
    units = drift**2 * _unit_variance(experiment, told) / effect**2
    if tails := _tails(experiment, told, units):
        units *= quantile_power.size_for(
            experiment.analysis.power, tails, alpha, sequential=sequential
        )
    return math.ceil(units)


def power(experiment: Experiment, told: Expectation, units: int, planned: int) -> float:
    """That so many units find the MDE, where `planned` were planned."""
    alpha, sequential = per_arm_alpha(experiment), experiment.analysis.rule == "sequential"
    if tails := _tails(experiment, told, units):
        return quantile_power.power(
            tails, alpha, sequential=sequential, share=units / planned if sequential else 1.0
        )
    effect = effect_of(told, experiment.primary.mde)
    drift = effect * math.sqrt(units / _unit_variance(experiment, told))
    if not sequential:
        return fixed_power(drift, alpha)
    return sequential_power(drift, alpha, units / planned)


def planned_units(experiment: Experiment) -> int | None:
    """Of all arms together: the file's, or what its expectations lead to; None where it has neither."""
    if experiment.analysis.units is not None:
        return experiment.analysis.units
    try:
        return units_needed(experiment, expected(experiment))
    except DesignRefused:
        return None


def target_calls(experiment: Experiment, arm: str) -> float:
    """Independent calls of the control and an arm at the planned end, for which a sequence is tuned.

    It follows from the file alone: tuned to the data, a sequence would not be one.
    """
    units = planned_units(experiment)
    if units is None:
        return UNPLANNED_CALLS
    analysis = experiment.analysis
    m = 1.0 if experiment.routing.unit == "request" else max(1.0, analysis.calls_per_unit)
    shares = _shares(experiment)
    calls = units * m * (shares[experiment.routing.control.name] + shares[arm])
    return calls / (1 + analysis.icc * (m - 1 / m))


def per_arm_alpha(experiment: Experiment) -> float:
    """Of one treatment's primary comparison: all of them share alpha (Bonferroni)."""
    return experiment.analysis.alpha / (len(experiment.routing.arms) - 1)


def effect_of(told: Expectation, mde: float) -> float:
    """The MDE in the metric's unit."""
    return told.baseline * mde


def _mde(experiment: Experiment, told: Expectation, units: int, planned: int) -> float | None:
    """The least relative change that so many units find; None where they find none, however large."""
    alpha, wanted = per_arm_alpha(experiment), experiment.analysis.power
    sequential, share = experiment.analysis.rule == "sequential", units / planned
    if tails := _tails(experiment, told, units):
        factor = quantile_power.factor_for(
            wanted, tails, alpha, sequential=sequential, share=share if sequential else 1.0
        )
        return None if factor is None else abs(factor - 1)
    drift = drift_for(wanted, alpha, sequential=sequential, share=share)
    return drift * math.sqrt(_unit_variance(experiment, told) / units) / told.baseline


def _tails(experiment: Experiment, told: Expectation, units: float) -> Tails | None:
    """Both arms' calls, of the smallest treatment, where the primary metric is a quantile."""
    metric = experiment.metric(experiment.primary.metric)
    if metric.kind != "quantile" or metric.q is None:
        return None
    control, smallest = _smallest(experiment)
    calls = units * told.calls_per_unit / told.design_effect
    return Tails(
        metric.q,
        quantile_power.sigma_of(metric.q, told.baseline, told.control_deviation),
        told.arm_deviation / told.control_deviation,
        calls * control,
        calls * smallest,
    )


def _unit_variance(experiment: Experiment, told: Expectation) -> float:
    """Variance of the difference times the units of all arms, of the smallest treatment."""
    control, smallest = _smallest(experiment)
    variances = told.control_deviation**2 / control + told.arm_deviation**2 / smallest
    return variances * told.design_effect / told.calls_per_unit


def _smallest(experiment: Experiment) -> tuple[float, float]:
    """Of the units, the control's share and that of the smallest treatment."""
    shares = _shares(experiment)
    control = experiment.routing.control.name
    return shares[control], min(share for arm, share in shares.items() if arm != control)


def _shares(experiment: Experiment) -> dict[str, float]:
    """Of the units, those that each arm has: all of them where units are paired."""
    weights = experiment.routing.weights()
    return dict.fromkeys(weights, 1.0) if experiment.routing.mode == "shadow" else weights
