"""How an effect came to be known: the same analysis on the data up to each of several moments."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from gateway_lib.experiments.calls import Calls
from gateway_lib.experiments.measure import measure
from gateway_lib.experiments.metrics import Metric
from gateway_lib.experiments.results import Looks, Refused
from gateway_lib.experiments.statistics.intervals import Rule
from gateway_lib.experiments.statistics.sums import Floats

LOOKS = 30


def looks(
    calls: Calls,
    metric: Metric,
    arm: int,
    rule: Rule,
    covariate: Floats | None = None,
    *,
    number: int = LOOKS,
) -> Looks:
    """At moments with evenly more calls; those at which n is too small are left out.

    A call counts from its assignment, with the outcome that it has by now.
    """
    moments: list[datetime] = []
    units: list[int] = []
    told: list[tuple[float, float, float]] = []
    for count in sorted({round(part) for part in np.linspace(0, len(calls), number + 1)[1:]}):
        so_far = calls.first(count)
        found = measure(so_far, metric, arm, rule, covariate)
        if isinstance(found, Refused) or (effect := found.told()) is None:
            continue
        moments.append(moment_of(so_far.frame["assigned_at"].iloc[-1]))
        units.append(found.counts[0] + found.counts[1])
        told.append((found.arm_value - found.control_value, *effect.absolute))
    return Looks(
        metric=metric.name,
        arm=calls.arms[arm],
        always_valid=rule.always_valid,
        moments=tuple(moments),
        n_units=tuple(units),
        estimate=tuple(each[0] for each in told),
        low=tuple(each[1] for each in told),
        high=tuple(each[2] for each in told),
    )


def moment_of(value: object) -> datetime:
    """An entry of `assigned_at` as an aware moment."""
    moment = pd.Timestamp(value)  # type: ignore[arg-type]
    moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
    told: datetime = moment.to_pydatetime(warn=False)
    return told
