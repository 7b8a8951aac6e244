"""Why an experiment's figures are not believed at all, or not enough to ship by them."""

from __future__ import annotations

from collections.abc import Iterator

from gateway_lib.experiments import traffic_checks
from gateway_lib.experiments.calls import Calls
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.results import SampleRatio


def voids(assigned: SampleRatio) -> tuple[str, ...]:
    """Why nothing can be told: the arms are not what chance would have made of the units."""
    told = []
    if assigned.crossed:
        told.append(
            f"{assigned.crossed:,} units were in more than one arm, so the arms cannot be compared."
        )
    if assigned.is_broken and assigned.p_value < assigned.level:
        told.append(
            f"The arms do not have the units that their weights promise ({_counts(assigned)}): "
            "something loses or moves units, and no difference between the arms means anything until it "
            "is found."
        )
    return tuple(told)


def doubts(calls: Calls, experiment: Experiment, served: SampleRatio, arm: int) -> tuple[str, ...]:
    """Why an arm is not shipped, however good it looks; what speaks against it is told all the same.

    A call that failed has no latency and mostly no cost. An arm that fails its slowest calls looks fast by
    what is left, so where an arm has values of other shares of its calls than the control, nothing good is
    concluded from them.
    """
    told = [
        f"{sentence} Nobody knows what the others would have had, so the arm is not shipped by these."
        for _, sentence in missing(calls, experiment, judged(experiment), arm)
    ]
    if served.is_broken:
        told.append(
            "The arms' own models did not answer the units that their weights promise "
            f"({_counts(served)}): it is not shipped until it is known why."
        )
    return tuple(told)


def judged(experiment: Experiment) -> tuple[str, ...]:
    """Metrics that the verdict is made of: the primary one and the guardrails."""
    return (experiment.primary.metric, *(margin.metric for margin in experiment.guardrails))


def missing(
    calls: Calls, experiment: Experiment, metrics: tuple[str, ...], arm: int
) -> Iterator[tuple[str, str]]:
    """Columns of metrics that other shares of the arm's calls have than of the control's, in sentences."""
    named = (experiment.metric(name) for name in metrics)
    columns = dict.fromkeys(column for each in named for column in (each.value, each.per))
    for column in columns:
        if column is None or column not in calls.frame:
            continue
        if told := traffic_checks.missing(calls, column, arm):
            yield (
                column,
                f"{told[0]:.1%} of the control's calls have a {column}, and {told[1]:.1%} of "
                f"{calls.arms[arm]}'s: what is compared are not the same calls.",
            )


def _counts(ratio: SampleRatio) -> str:
    counts = ", ".join(
        f"{arm} {n:,} of {ratio.expected[arm]:,.0f}" for arm, n in ratio.observed.items()
    )
    return f"{counts}; p = {ratio.p_value:.2g}"
