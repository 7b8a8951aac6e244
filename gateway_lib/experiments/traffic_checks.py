"""Before any effect is believed: do the arms have the units, and the answers, that they should have?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2_contingency

from gateway_lib.experiments.calls import Calls
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.results import ArmCost, Basis, SampleRatio, Served
from gateway_lib.experiments.statistics import sample_ratio

SERVED_TOLERANCE = 0.02
"""Relative deviation of the served units that does not matter, however surely it is there."""
MISSING_LEVEL = 0.001
MISSING_TOLERANCE = 0.002
"""Difference of the shares of calls with a value that does not matter, however surely it is there.

The slowest 0.2 % of log-normal calls (sigma 0.6) make 1.1 % of their sum, a ninth of an MDE of 10 %.
"""


def sample_ratios(calls: Calls, experiment: Experiment) -> tuple[SampleRatio, SampleRatio]:
    """Of the assigned units, and of those that their own arm's model answered."""
    crossed = 0
    if calls.pair is None:
        crossed = int((calls.presence.sum(axis=1) > 1).sum())
    own = calls.only(_states(calls)["served"])
    return (
        _sample_ratio(calls, experiment, "assigned", crossed),
        _sample_ratio(own, experiment, "served", 0),
    )


def served(calls: Calls) -> tuple[Served, ...]:
    """What became of each arm's calls."""
    states = _states(calls)
    counts = {
        name: np.bincount(calls.arm[mask], minlength=len(calls.arms))
        for name, mask in states.items()
    }
    whole = np.bincount(calls.arm, minlength=len(calls.arms))
    return tuple(
        Served(arm, int(whole[i]), **{name: int(count[i]) for name, count in counts.items()})
        for i, arm in enumerate(calls.arms)
    )


def costs(calls: Calls) -> tuple[ArmCost, ...]:
    """What each arm's calls cost, as far as LiteLLM said."""
    if "cost_usd" not in calls.frame:
        return ()
    values = calls.column("cost_usd")
    known = ~np.isnan(values)
    size = len(calls.arms)
    number = np.bincount(calls.arm[known], minlength=size)
    spent = np.bincount(calls.arm[known], weights=values[known], minlength=size)
    price = spent[0] / number[0] if number[0] else None
    return tuple(
        ArmCost(
            arm,
            int(number[i]),
            float(spent[i]),
            None if price is None else float(price * number[i]),
        )
        for i, arm in enumerate(calls.arms)
    )


def missing(calls: Calls, column: str, arm: int) -> tuple[float, float] | None:
    """Shares of the control's and an arm's calls that have a value, where they differ for certain and matter.

    Calls count as independent here: it is a warning, and rather one too many.
    """
    known = ~np.isnan(calls.column(column))
    table = [
        [int((known & (calls.arm == i)).sum()), int((~known & (calls.arm == i)).sum())]
        for i in (0, arm)
    ]
    if 0 in np.sum(table, axis=0) or 0 in np.sum(table, axis=1):
        return None
    control, other = (row[0] / sum(row) for row in table)
    if abs(other - control) <= MISSING_TOLERANCE:
        return None
    return (control, other) if chi2_contingency(table).pvalue < MISSING_LEVEL else None


def _sample_ratio(calls: Calls, experiment: Experiment, basis: Basis, crossed: int) -> SampleRatio:
    weights = experiment.routing.weights()
    if calls.pair is not None:
        weights = dict.fromkeys(weights, 1 / len(weights))
    present = calls.presence.sum(axis=0)
    observed = {arm: int(present[i]) for i, arm in enumerate(calls.arms)}
    total = sum(observed.values())
    sequential = experiment.analysis.rule == "sequential"
    level = sample_ratio.SEQUENTIAL_LEVEL if sequential else sample_ratio.FIXED_LEVEL
    if calls.pair is not None and basis == "assigned":
        p_value = 1.0  # each unit is in both arms: nothing was drawn
    elif sequential:
        p_value = sample_ratio.always_valid(observed, weights)
    else:
        p_value = sample_ratio.chi_square(observed, weights)
    expected = {arm: weight * total for arm, weight in weights.items()}
    furthest = max((abs(observed[arm] / e - 1) for arm, e in expected.items() if e), default=0.0)
    matters = basis == "assigned" or furthest > SERVED_TOLERANCE
    return SampleRatio(
        basis,
        expected,
        observed,
        p_value,
        level,
        (p_value < level and matters) or crossed > 0,
        crossed,
    )


def _states(calls: Calls) -> dict[str, npt.NDArray[np.bool_]]:
    """Each call in exactly one state."""
    ended = calls.column("ended") == 1
    left = calls.column("status") == 499 if "status" in calls.frame else np.zeros_like(ended)
    failed = ended & (calls.column("failed") == 1)
    left = ended & left & ~failed
    fell_back = ended & ~failed & ~left & (calls.column("fell_back") == 1)
    return {
        "served": ended & ~failed & ~left & ~fell_back,
        "fell_back": fell_back,
        "failed": failed,
        "left": left,
        "open": ~ended,
    }
