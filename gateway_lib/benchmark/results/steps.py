"""What a load achieved, step by step: offered and carried rate, goodput, where the curve bends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gateway_lib.benchmark.plan.slo import Slo
from gateway_lib.benchmark.records.story import about

CARRIED = 0.95
"""Share of the offered rate that has to be answered for a step to count as carried."""


def steps(frame: pd.DataFrame, slo: Slo | None = None) -> pd.DataFrame:
    """A row per step of a run, indexed by its number.

    Answers are counted while requests are due, without the time it takes to answer the last of them:
    what a step carries does not depend on how long it lasts.

    Returns:
        `load` (requests per second offered, or users), `requested`, `achieved`, `errors`,
        `offered_rps` (as the requests were due; null in a closed loop), `answered_rps` (successes),
        `good_rps` and `good_share` (null without objectives), `ttft_p50_ms`, `ttft_p95_ms`,
        `total_mean_ms` (of successes), `tokens_rps` (output tokens), `valid`.
    """
    story = about(frame)
    invalid = {part.stage for part in story.health if not part.valid}
    rows = {}
    for stage in story.stages:
        part = frame[frame["stage"] == stage.number]
        row: dict[str, object] = {
            "load": stage.rate_rps if stage.users is None else stage.users,
            "requested": stage.requested,
            "achieved": stage.achieved,
            "errors": int((~part["ok"]).sum()),
            "valid": stage.number not in invalid,
        }
        if len(part):
            row |= _figures(part, slo, closed=stage.users is not None)
        rows[stage.number] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _figures(part: pd.DataFrame, slo: Slo | None, *, closed: bool) -> dict[str, float | None]:
    began = part["scheduled_s"].min()
    ended = (part["done_s"] if closed else part["scheduled_s"]).max()
    seconds = max(float(ended - began), 1e-9)
    good = part[part["ok"]]
    within = good["done_s"] <= ended
    kept = slo.kept(part) if slo is not None else None
    in_time = part["done_s"].to_numpy() <= ended
    return {
        "offered_rps": None if closed else (len(part) - 1) / seconds if len(part) > 1 else None,
        "answered_rps": int(within.sum()) / seconds,
        "good_rps": None if kept is None else int((kept & in_time).sum()) / seconds,
        "good_share": None if kept is None else float(kept.mean()),
        "ttft_p50_ms": _quantile(part, "ttft_ms", 0.5),
        "ttft_p95_ms": _quantile(part, "ttft_ms", 0.95),
        "total_mean_ms": float(good["total_ms"].mean()) if len(good) else np.inf,
        "tokens_rps": float(good.loc[within, "tokens_out"].fillna(0).sum()) / seconds,
    }


def _quantile(part: pd.DataFrame, name: str, q: float) -> float:
    """A quantile over all requests: one that failed never got there."""
    values = np.where(part["ok"], part[name].to_numpy(dtype=float, na_value=np.nan), np.inf)
    return float(np.quantile(values, q, method="inverted_cdf"))


def readable(table: pd.DataFrame, slo: Slo | None = None) -> pd.DataFrame:
    """A table of steps to read, units in the headings."""
    shown = {
        "load": table["load"].map(lambda load: f"{load:g}"),
        "sent": [f"{a} of {r}" for a, r in zip(table["achieved"], table["requested"], strict=True)],
        "errors": table["errors"].astype(str),
        "answers/s": _words(table, "answered_rps", "{:.2f}"),
        "tokens/s": _words(table, "tokens_rps", "{:.0f}"),
        "TTFT p50, ms": _words(table, "ttft_p50_ms", "{:.0f}"),
        "TTFT p95, ms": _words(table, "ttft_p95_ms", "{:.0f}"),
    }
    if slo is not None:
        shown["good/s"] = _words(table, "good_rps", "{:.2f}")
        shown["good, %"] = _words(table, "good_share", "{:.1%}")
    shown["meter"] = ["valid" if valid else "invalid" for valid in table["valid"]]
    return pd.DataFrame(shown, index=table.index)


def _words(table: pd.DataFrame, name: str, form: str) -> list[str]:
    values = table[name] if name in table else [None] * len(table)
    return ["no data" if pd.isna(value) else form.format(value) for value in values]


@dataclass(frozen=True, slots=True)
class Knee:
    """Where latency begins to cost more than throughput gains.

    Attributes:
        load: Requests per second offered, or users; null if it cannot be told.
        said: What was found, in a sentence.
    """

    load: float | None
    said: str


def knee(table: pd.DataFrame) -> Knee:
    """The knee of a table of steps: the step with the greatest power.

    Power is throughput over mean time (L. Kleinrock, "Power and deterministic rules of thumb for
    probabilistic problems in computer communications", ICC 1979): it rises while more load brings more
    answers, and falls when it mostly brings waiting. Steps with an overloaded meter do not count.
    """
    usable = table[table["valid"] & table["answered_rps"].notna()].sort_values("load")
    if len(usable) < 3:
        return Knee(None, "cannot tell: it takes three steps that were measured validly")
    power = usable["answered_rps"].astype(float) / usable["total_mean_ms"].astype(float)
    best = int(power.to_numpy().argmax())
    load = float(usable["load"].iloc[best])
    if best == len(usable) - 1:
        return Knee(None, f"not reached: more load still pays at {load:g}")
    if best == 0:
        return Knee(None, f"below {load:g}, the lowest load that was tried")
    return Knee(load, f"at {load:g}")


def saturated(row: pd.Series) -> bool:
    """Whether a step's answers fell behind what was offered."""
    offered = row["offered_rps"]
    return bool(pd.notna(offered) and row["answered_rps"] < CARRIED * offered)
