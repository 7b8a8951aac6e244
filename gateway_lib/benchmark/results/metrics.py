"""The figures a benchmark is read by: what each one is, which way is better, how it is estimated.

Nothing is dropped from them: a request that failed never brought its answer, so in the percentiles of time
it counts as one that took for ever, and where more fail than a percentile leaves above it, that percentile
is infinite. What failed requests cost is part of the cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from gateway_lib.benchmark.results.dependence import design_effect, inflation
from gateway_lib.benchmark.results.intervals import (
    CONFIDENCE,
    Estimate,
    mean_interval,
    proportion_interval,
    quantile_intervals,
    ratio_interval,
)

Kind = Literal["quantile", "share", "mean", "ratio"]
Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Metric:
    """One figure of a model in a run.

    Attributes:
        name: With the unit it is in: `ttft_p95_ms`.
        label: For people, with the unit: `TTFT p95, ms`.
        column: Column of the records it is made of.
        kind: How it is estimated.
        better: Which way is better.
        q: Of a quantile.
        factor: From the column's unit to that of the figure.
        per: Column whose sum a ratio divides by.
        form: How its number is written.
        timed: Whether it is worth nothing when the meter was overloaded.
    """

    name: str
    label: str
    column: str
    kind: Kind
    better: Better = "lower"
    q: float = 0.0
    factor: float = 1.0
    per: str = ""
    form: str = ",.0f"
    timed: bool = False

    @property
    def short(self) -> str:
        """The label without its unit."""
        return self.label.removesuffix(", ms").removesuffix(", %")


def _times(name: str, label: str, column: str, qs: tuple[int, ...], form: str) -> list[Metric]:
    return [
        Metric(
            f"{name}_p{q}_ms",
            f"{label} p{q}, ms",
            column,
            "quantile",
            q=q / 100,
            form=form,
            timed=True,
        )
        for q in qs
    ]


METRICS: tuple[Metric, ...] = (
    *_times("ttft", "TTFT", "ttft_ms", (50, 95, 99), ",.0f"),
    *_times("total", "total", "total_ms", (50, 95, 99), ",.0f"),
    *_times("itl", "ITL", "itl_ms", (50, 95), ",.2f"),
    Metric("error_pct", "errors, %", "failed", "share", factor=100, form=",.2f"),
    Metric("accuracy_pct", "right answers, %", "correct", "share", "higher", factor=100),
    Metric("tokens_out_mean", "tokens out, mean", "tokens_out", "mean", form=",.1f"),
    Metric("cost_per_1k_usd", "$ per 1,000 requests", "cost_usd", "mean", factor=1000, form=",.4f"),
    Metric(
        "cost_per_mtok_usd",
        "$ per million tokens",
        "cost_usd",
        "ratio",
        factor=1e6,
        per="tokens",
        form=",.3f",
    ),
    Metric(
        "cost_per_right_usd", "$ per right answer", "cost_usd", "ratio", per="right", form=",.6f"
    ),
)
BY_NAME = {metric.name: metric for metric in METRICS}
COLUMNS = (
    *("model", "question", "repeat", "stage", "rate_rps", "users", "scheduled_s", "done_s", "ok"),
    *("error_kind", "lag_ms", "ttft_ms", "total_ms", "itl_ms", "tokens_in", "tokens_out"),
    *("cost_usd", "cost_source", "correct", "middleware_ms", "upstream_ms"),
    *("litellm_ms", "provider_ms", "sent_s", "first_byte_s", "cache_hit"),
)
"""Columns of the records that the figures are made of; a million answers need not be read for them."""


def estimates(part: pd.DataFrame, *, confidence: float = CONFIDENCE) -> dict[str, Estimate | None]:
    """Every figure of some records, by name; null where there is nothing to make it of.

    Args:
        part: Records of one model (of one stage), in the order they were due.
        confidence: Of the intervals.
    """
    found: dict[str, Estimate | None] = dict.fromkeys(BY_NAME)
    for column in dict.fromkeys(m.column for m in METRICS if m.kind == "quantile"):
        chosen = [m for m in METRICS if m.kind == "quantile" and m.column == column]
        values = times(part, column)
        if len(values):
            qs = [metric.q for metric in chosen]
            made = quantile_intervals(values, qs, confidence=confidence, in_order=True)
            found |= {m.name: e for m, e in zip(chosen, made, strict=True)}
    for metric in METRICS:
        if metric.kind != "quantile":
            found[metric.name] = _scaled(_one(metric, part, confidence), metric.factor)
    return found


def times(part: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """Durations in milliseconds; infinite for a request that failed before it had the one in question."""
    values = part[column].to_numpy(dtype=float, na_value=np.nan)
    ok = part["ok"].to_numpy(dtype=bool)
    if column == "total_ms":
        return np.where(ok, values, np.inf)
    if column == "ttft_ms":
        values = np.where(np.isnan(values) & ~ok, np.inf, values)
    kept: npt.NDArray[np.float64] = values[~np.isnan(values)]
    return kept


def values_of(part: pd.DataFrame, column: str) -> pd.Series:
    """A column of the records, or one that follows from them (`failed`, `right`, `tokens`); no nulls."""
    if column == "failed":
        return ~part["ok"].astype(bool)
    if column == "right":
        return part["correct"].fillna(False).astype(float)
    if column == "tokens":
        return part["tokens_in"].astype(float) + part["tokens_out"].astype(float)
    return part[column].dropna()


def _one(metric: Metric, part: pd.DataFrame, confidence: float) -> Estimate | None:
    values = values_of(part, metric.column)
    if not len(values):
        return None
    if metric.kind == "share":
        passed = values.to_numpy(dtype=float)
        if metric.column == "failed":  # failures come in spells, right answers with their questions
            effect = inflation(passed)
        else:
            effect = design_effect(passed, part.loc[values.index, "question"].to_numpy())
        return proportion_interval(
            int(passed.sum()), len(passed), confidence=confidence, design_effect=effect
        )
    numbers = values.to_numpy(dtype=float)
    if metric.kind == "mean":
        return mean_interval(numbers, confidence=confidence)
    if metric.per == "right" and not part["correct"].notna().any():
        return None
    below = values_of(part.loc[values.index], metric.per).fillna(0.0).to_numpy(dtype=float)
    return ratio_interval(numbers, below, confidence=confidence)


def _scaled(estimate: Estimate | None, factor: float) -> Estimate | None:
    if estimate is None or factor == 1:
        return estimate
    low, high = estimate.low, estimate.high
    return Estimate(
        estimate.value * factor,
        None if low is None else low * factor,
        None if high is None else high * factor,
        estimate.n,
    )


def text(metric: Metric, estimate: Estimate | None, *, brief: bool = False) -> str:
    """An estimate to read: the value with its interval, or why there is none; if brief the value alone."""
    if estimate is None:
        return "no data"
    if np.isinf(estimate.value):
        return "never"
    value = f"{estimate.value:{metric.form}}"
    if brief:
        return value
    if estimate.low is None or estimate.high is None:
        return f"{value} ({TOO_SMALL})"
    high = "never" if np.isinf(estimate.high) else f"{estimate.high:{metric.form}}"
    return f"{value} [{estimate.low:{metric.form}}, {high}]"


TOO_SMALL = "n too small"
