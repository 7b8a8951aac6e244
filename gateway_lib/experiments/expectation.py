"""What the calls of an experiment are expected to be like: from its file, or from a pilot's outcomes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm

from gateway_lib.errors import DesignRefused
from gateway_lib.experiments.calls import Calls, calls_of
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.metrics import Metric
from gateway_lib.experiments.statistics.sums import VALUE, WEIGHT

FEWEST = 20
"""Units of the control that a pilot needs."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Of the primary metric.

    Attributes:
        baseline: The control's value.
        control_deviation: Of a call, in the metric's unit: the standard error of a value over n
            independent calls is this over the root of n.
        arm_deviation: The same of an arm with the MDE: it is taken to change as the value does, which is
            what times and costs do when they all change by a factor.
        calls_per_unit: On average.
        design_effect: By how much resemblance within units inflates the variance.
        sources: Sentences that say where all this is from.
    """

    baseline: float
    control_deviation: float
    arm_deviation: float
    calls_per_unit: float
    design_effect: float
    sources: tuple[str, ...]


def expected(experiment: Experiment) -> Expectation:
    """From the file: `baseline`, `deviation`, `calls_per_unit` and `icc`.

    The design effect is 1 + icc (E[m^2] / E[m] - 1) of m calls a unit (Kish), where m - 1 is taken as
    Poisson. Of a quantile the calls are taken as log-normal with the baseline and the deviation.

    Raises:
        DesignRefused: The file does not say what a plan needs, or says what cannot be.
    """
    primary, analysis = experiment.primary, experiment.analysis
    metric = experiment.metric(primary.metric)
    if primary.baseline is None or primary.baseline <= 0:
        raise DesignRefused(
            f"{experiment.name}: a plan needs what the control is expected to have: `baseline` of the "
            "primary metric, above 0"
        )
    before, after = _deviations(experiment, metric, primary.baseline)
    m = 1.0 if experiment.routing.unit == "request" else max(1.0, analysis.calls_per_unit)
    design_effect = 1 + analysis.icc * (m - 1 / m)
    sources = [f"The control has {primary.baseline:g} {metric.unit}".strip() + "."]
    if metric.kind != "proportion":
        sources.append(f"Calls deviate by {primary.deviation:g} {metric.unit}".strip() + ".")
    if m > 1:
        sources.append(
            f"A unit makes {m:g} calls, one at least and the others by chance (Poisson); "
            f"their intra-class correlation is {analysis.icc:g}."
        )
    return Expectation(primary.baseline, before, after, m, design_effect, tuple(sources))


def from_pilot(experiment: Experiment, frame: pd.DataFrame) -> Expectation:
    """From the control's calls of outcomes, as they are: clusters, tails and all.

    Raises:
        DesignRefused: There are too few of them.
        OutcomesUnusable: These are no outcomes of the experiment.
    """
    return from_calls(experiment, calls_of(frame, experiment))


def from_calls(experiment: Experiment, calls: Calls) -> Expectation:
    """The same of calls that have been read."""
    metric = experiment.metric(experiment.primary.metric)
    if metric.value not in calls.frame or (metric.per and metric.per not in calls.frame):
        raise DesignRefused(f"the pilot has no {metric.value}")
    alone = calls.only(calls.arm == 0)
    known = alone.only(~np.isnan(alone.column(metric.value)))
    units = len(np.unique(known.unit))
    if units < FEWEST:
        raise DesignRefused(f"the pilot has {units} units of the control; it needs {FEWEST}")
    m = len(known) / units
    if metric.kind == "quantile":
        baseline, deviation, design_effect = _quantile_pilot(known, metric)
    else:
        told = known.unpaired().sums(metric, (0, 0), None)[0]
        aggregates = told.aggregates()
        variance = aggregates.ratio_var(VALUE, WEIGHT) / told.units
        single = told.independent_variance
        baseline, design_effect = told.ratio, variance / single if single > 0 else 1.0
        deviation = math.sqrt(single * told.calls)
    if baseline <= 0 or deviation <= 0:
        raise DesignRefused(f"the pilot's {metric.name} does not vary, or is not above 0")
    changed = _changed(experiment, metric, baseline)
    after = deviation * changed / baseline
    if metric.kind == "proportion":
        share = min(1 - 1e-9, max(1e-9, changed))
        after = math.sqrt(share * (1 - share))
    sources = (f"As the control's {len(known):,} calls of {units:,} units were.",)
    return Expectation(baseline, deviation, after, m, max(design_effect, 1e-6), sources)


def _quantile_pilot(known: Calls, metric: Metric) -> tuple[float, float, float]:
    part = known.unpaired().quantiles(metric, (0, 0))
    bounds = None if part is None else part[0].bounds(1.0)
    if part is None or bounds is None:
        raise DesignRefused(f"the pilot has too few calls for {metric.name}")
    told, n = part[0], len(part[0].ordered)
    single = told.q * (1 - told.q) / n
    design_effect = told.error**2 / single
    return told.value, (bounds[1] - bounds[0]) / 2 * math.sqrt(n / design_effect), design_effect


def _deviations(experiment: Experiment, metric: Metric, baseline: float) -> tuple[float, float]:
    changed = _changed(experiment, metric, baseline)
    if metric.kind == "proportion":
        if not (baseline < 1 and 0 < changed < 1):
            raise DesignRefused(
                f"{experiment.name}: a share cannot go from {baseline:g} to {changed:g}"
            )
        return math.sqrt(baseline * (1 - baseline)), math.sqrt(changed * (1 - changed))
    deviation = experiment.primary.deviation
    if deviation is None:
        raise DesignRefused(
            f"{experiment.name}: a plan needs `deviation` of the primary metric, its standard deviation "
            "over calls"
        )
    if metric.kind == "quantile":
        deviation = _of_log_normal(metric.q or 0.5, baseline, deviation)
    return deviation, deviation * changed / baseline


def _changed(experiment: Experiment, metric: Metric, baseline: float) -> float:
    sign = 1 if metric.goal == "higher" else -1
    return baseline * (1 + sign * experiment.primary.mde)


def _of_log_normal(q: float, value: float, deviation: float) -> float:
    """Root of q (1 - q) over the density at the quantile, of the log-normal with both."""
    z = float(norm.ppf(q))

    def excess(sigma: float) -> float:
        return math.exp(sigma**2 / 2 - z * sigma) * math.sqrt(math.expm1(sigma**2)) - (
            deviation / value
        )

    if excess(0.01) > 0 or excess(3.0) < 0:
        raise DesignRefused(f"no log-normal has its {q:g} quantile at {value:g} and deviates so")
    sigma = float(brentq(excess, 0.01, 3.0))
    density = float(norm.pdf(z)) / (sigma * value)
    return math.sqrt(q * (1 - q)) / density
