"""Thompson sampling with a floor: for choosing while learning, and not for telling whether arms differ.

The weights that it leads to depend on earlier outcomes, so neither the tests nor the intervals of
`gateway_lib.experiments.analysis` hold for calls that were drawn with them. What can be estimated is each
arm's mean, with every call weighted by the inverse of the probability that it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gateway_lib.errors import DesignRefused, OutcomesUnusable
from gateway_lib.experiments.file import Experiment

FLOOR = 0.05
"""Probability that every arm keeps."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """An arm's mean by inverse propensities; `error` is its standard error, over calls."""

    arm: str
    value: float
    error: float
    calls: int


def next_weights(
    frame: pd.DataFrame,
    experiment: Experiment,
    *,
    floor: float = FLOOR,
    draws: int = 20_000,
    seed: int = 0,
) -> dict[str, float]:
    """Probabilities of the next version's arms: how often each one is the best by its posterior.

    The posterior of an arm's mean is normal around its sample mean (a flat prior, many calls).

    Args:
        frame: Outcomes so far.
        experiment: Its primary metric is a mean or a proportion.
        floor: Least probability of an arm; at most 1 over their number.
        draws: From the posterior.
        seed: Of the draws.

    Raises:
        DesignRefused: The metric is of another kind, the floor too high, or an arm has too few calls.
    """
    names = [arm.name for arm in experiment.routing.arms]
    if not 0 < floor <= 1 / len(names):
        raise DesignRefused(f"a floor of {floor:g} for {len(names)} arms does not leave a choice")
    metric = experiment.metric(experiment.primary.metric)
    if metric.kind not in ("mean", "proportion"):
        raise DesignRefused(
            f"Thompson sampling is of means and proportions, not of a {metric.kind}"
        )
    rng = np.random.default_rng(seed)
    sampled = []
    for name in names:
        values = frame.loc[frame["arm"] == name, metric.value].astype("float64").dropna().to_numpy()
        if len(values) < 2:
            raise DesignRefused(f"{name} has {len(values)} calls with a {metric.value}; it takes 2")
        error = float(values.std(ddof=1) / np.sqrt(len(values)))
        sampled.append(rng.normal(values.mean(), error, size=draws))
    best = np.vstack(sampled).argmin(0) if metric.goal == "lower" else np.vstack(sampled).argmax(0)
    shares = np.bincount(best, minlength=len(names)) / draws
    weights = floor + (1 - floor * len(names)) * shares
    return dict(zip(names, map(float, weights), strict=True))


def inverse_propensity(
    frame: pd.DataFrame, value: str, propensities: Mapping[int, Mapping[str, float]]
) -> tuple[Weighted, ...]:
    """Each arm's mean over calls whose probabilities changed from version to version (Hajek's estimator).

    Args:
        frame: Outcomes of several versions.
        value: Column.
        propensities: Of each version, the probability of each arm.

    Raises:
        OutcomesUnusable: A version or an arm has no probability.
    """
    known = frame[frame[value].notna()]
    told = []
    for name in dict.fromkeys(arm for each in propensities.values() for arm in each):
        part = known[known["arm"] == name]
        try:
            weight = 1 / np.array([propensities[int(v)][name] for v in part["version"]])
        except KeyError as error:
            raise OutcomesUnusable(
                f"there is no probability of {name} in version {error}"
            ) from None
        if not len(part):
            raise OutcomesUnusable(f"{name} has no call with a {value}")
        values = part[value].astype("float64").to_numpy()
        mean = float(weight @ values / weight.sum())
        spread = float(np.sqrt(((weight * (values - mean)) ** 2).sum()) / weight.sum())
        told.append(Weighted(name, mean, spread, len(part)))
    return tuple(told)
