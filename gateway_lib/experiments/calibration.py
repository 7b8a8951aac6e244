"""A/A calibration: the control's units, drawn into two arms many times, differ as often as alpha says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import kstest

from gateway_lib.errors import DesignRefused
from gateway_lib.experiments.calls import calls_of
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.measure import measure
from gateway_lib.experiments.results import Refused
from gateway_lib.experiments.statistics.intervals import Rule


@dataclass(frozen=True, slots=True)
class Calibration:
    """What came of comparing the control with itself.

    Attributes:
        metric: Which.
        p_values: One for each draw, of a single look.
        alpha: The experiment's.
        false_positives: Share of the draws that found a difference.
        uniform_p: Of the Kolmogorov-Smirnov test that p-values are spread evenly. Draws share their units,
            so it is a hint and not a proof.
    """

    metric: str
    p_values: tuple[float, ...]
    alpha: float
    false_positives: float
    uniform_p: float


def calibrate(
    frame: pd.DataFrame,
    experiment: Experiment,
    metric: str | None = None,
    *,
    draws: int = 200,
    seed: int = 0,
) -> Calibration:
    """Re-randomise the control's units, with the weights of the control and the first treatment.

    Args:
        frame: Outcomes.
        experiment: Of these outcomes.
        metric: Name; without it, the primary one.
        draws: How many.
        seed: Of the draws.

    Raises:
        DesignRefused: The metric is not analysed with so few of the control's units.
        OutcomesUnusable: These are no outcomes of the experiment.
    """
    calls = calls_of(frame, experiment).unpaired()
    control = calls.only(calls.arm == 0)
    chosen = experiment.metric(metric or experiment.primary.metric)
    weights = list(experiment.routing.weights().values())[:2]
    share = weights[1] / sum(weights)
    rng = np.random.default_rng(seed)
    alpha = experiment.analysis.alpha
    p_values = []
    for _ in range(draws):
        arm_of = (rng.random(len(calls.names)) < share).astype(np.intp)
        found = measure(control.assigned(arm_of[control.unit]), chosen, 1, Rule(alpha))
        told = None if isinstance(found, Refused) else found.told()
        if told is None:
            reason = found.reason if isinstance(found, Refused) else "n too small"
            raise DesignRefused(f"{chosen.name} of the control alone is not analysed: {reason}")
        p_values.append(told.p_value)
    found_some = np.array(p_values) <= alpha
    return Calibration(
        chosen.name,
        tuple(p_values),
        alpha,
        float(found_some.mean()),
        float(kstest(p_values, "uniform").pvalue),
    )
