"""Two runs against each other: each figure's change with an interval, and what follows from it.

A verdict is about the whole interval. It is a regression only where all of the interval lies on the bad side
of the tolerance, and "the same" only where all of it lies within. Where it reaches over, the data cannot
tell. All intervals of a comparison hold together (Bonferroni): of twenty comparisons of a thing with itself,
one finds a difference anywhere, however many figures and models there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from gateway_lib.benchmark.records.story import KEY, About, about
from gateway_lib.benchmark.results.difference import Difference, difference, paired, ratio
from gateway_lib.benchmark.results.intervals import CONFIDENCE, Estimate
from gateway_lib.benchmark.results.metrics import METRICS, Metric, estimates, values_of
from gateway_lib.benchmark.results.summary import in_order

Verdict = Literal["worse", "better", "same", "cannot tell", "n too small", "run invalid", "no data"]
RELATIVE_TOLERANCE = 0.05
SHARE_TOLERANCE = 1.0
"""Percentage points."""
COMPARED = (
    *("ttft_p50_ms", "ttft_p95_ms", "total_p50_ms", "total_p95_ms", "itl_p50_ms"),
    *("error_pct", "accuracy_pct", "cost_per_1k_usd"),
)
"""Every figure more makes all the others harder to tell apart."""


@dataclass(frozen=True)
class Change:
    """One figure of one model, before and after."""

    model: str
    metric: Metric
    before: Estimate | None
    after: Estimate | None
    difference: Difference | None
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """What changed between two runs.

    Attributes:
        changes: By model, each figure.
        confidence: Of each single interval, so that all hold together at 95 %.
        same_plan: Whether both sent the same requests at the same moments (as a replay does).
        invalid: Why times cannot be compared, for each run whose meter was overloaded.
        only_before: Models only the first run has.
        only_after: Models only the second run has.
    """

    changes: tuple[Change, ...]
    confidence: float
    same_plan: bool
    invalid: tuple[str, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]

    def of(self, verdict: Verdict) -> list[Change]:
        """Changes with a verdict."""
        return [change for change in self.changes if change.verdict == verdict]

    @property
    def regressions(self) -> list[Change]:
        """What became worse beyond the tolerance."""
        return self.of("worse")


def compare(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    tolerance: float = RELATIVE_TOLERANCE,
    share_tolerance: float = SHARE_TOLERANCE,
    metrics: tuple[str, ...] = COMPARED,
) -> Comparison:
    """Compare the records of two runs, model by model.

    Args:
        before: Records of the run that sets the measure.
        after: Records of the run in question.
        tolerance: Change of a time or a cost that does not matter, as a share of what it was.
        share_tolerance: The same for shares, in percentage points.
        metrics: Names of the figures.
    """
    runs = [in_order(before), in_order(after)]
    parts = [{str(m): p for m, p in run.groupby("model", observed=True, sort=True)} for run in runs]
    both = sorted(parts[0].keys() & parts[1].keys())
    chosen = [metric for metric in METRICS if metric.name in metrics]
    together = 1 - (1 - CONFIDENCE) / max(1, len(both) * len(chosen))
    invalid = tuple(_invalid("before", before) + _invalid("after", after))
    room = {"share": share_tolerance}
    changes = [
        change
        for model in both
        for change in _changes(
            model, parts[0][model], parts[1][model], chosen, together, tolerance, room
        )
    ]
    if invalid:
        changes = [_unless_timed(change) for change in changes]
    return Comparison(
        tuple(changes),
        together,
        same_plan(*runs),
        invalid,
        tuple(sorted(parts[0].keys() - parts[1].keys())),
        tuple(sorted(parts[1].keys() - parts[0].keys())),
    )


def same_plan(before: pd.DataFrame, after: pd.DataFrame) -> bool:
    """Whether two runs agree on everything that was seeded: which request was due when, for whom.

    Moments of a closed loop follow from the answers, so there only the order is looked at.
    """
    if len(before) != len(after):
        return False
    names = [c for c in ("model", "question", "repeat", "stage") if c in before and c in after]
    if any(_differ(before[c], after[c]) for c in names):
        return False
    if before["users"].notna().any() or after["users"].notna().any():
        return True
    moments = before["scheduled_s"].to_numpy() - after["scheduled_s"].to_numpy()
    return bool(np.abs(moments).max(initial=0.0) < 1e-6)


def _differ(before: pd.Series, after: pd.Series) -> bool:
    if isinstance(before.dtype, pd.CategoricalDtype):
        # words by their number in one list, which a million of them compare by at once
        words = pd.Index(sorted({*before.cat.categories, *after.cat.categories}, key=str))
        codes = [words.get_indexer(s.cat.categories)[s.cat.codes] for s in (before, after)]
        return bool((codes[0] != codes[1]).any())
    return bool((before.to_numpy() != after.to_numpy()).any())


def _changes(
    model: str,
    before: pd.DataFrame,
    after: pd.DataFrame,
    chosen: list[Metric],
    confidence: float,
    tolerance: float,
    room: dict[str, float],
) -> Iterator[Change]:
    first = estimates(before, confidence=confidence)
    second = estimates(after, confidence=confidence)
    for metric in chosen:
        a, b = first[metric.name], second[metric.name]
        if a is None or b is None:
            yield Change(model, metric, a, b, None, "no data")
            continue
        apart = _pairwise(metric, before, after, a, confidence)
        if apart is None:
            apart = difference(a, b) if metric.kind == "share" else ratio(a, b)
        allowed = room.get(metric.kind, tolerance)
        yield Change(model, metric, a, b, apart, _verdict(metric, apart, allowed))


def _pairwise(
    metric: Metric, before: pd.DataFrame, after: pd.DataFrame, a: Estimate, confidence: float
) -> Difference | None:
    """The change over the same questions, where both runs asked each of them equally often."""
    if metric.kind not in ("mean", "share") or metric.column == "failed":
        return None
    means: list[dict[str, float]] = []
    for part in (before, after):
        values = values_of(part, metric.column).astype(float)
        grouped = values.groupby(part.loc[values.index, "question"], observed=True)
        if grouped.size().nunique() != 1:
            return None
        by_question = grouped.mean() * metric.factor
        means.append(dict(zip(by_question.index.astype(str), by_question, strict=True)))
    if means[0].keys() != means[1].keys():
        return None
    told = paired(*means, confidence=confidence)
    relative = metric.kind == "mean"
    if told is None or (relative and a.value <= 0):
        return None
    value, low, high = (each / a.value for each in told) if relative else told
    return Difference(value, low, high, relative=relative, paired=True)


def _verdict(metric: Metric, apart: Difference | None, allowed: float) -> Verdict:
    if apart is None:
        return "no data"
    if apart.low is None or apart.high is None:
        return "n too small"
    low, high = apart.low, apart.high
    if metric.better == "higher":
        low, high = -high, -low
    if low > allowed:
        return "worse"
    if high < -allowed:
        return "better"
    return "same" if -allowed <= low and high <= allowed else "cannot tell"


def _unless_timed(change: Change) -> Change:
    if not change.metric.timed:
        return change
    return Change(
        change.model,
        change.metric,
        change.before,
        change.after,
        change.difference,
        "run invalid",
    )


def _invalid(which: str, frame: pd.DataFrame) -> list[str]:
    if KEY not in frame.attrs:
        return []
    story: About = about(frame)
    return [f"{which}: {reason}" for reason in story.invalid]
