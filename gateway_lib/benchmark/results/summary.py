"""From one row per request to one row per model."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gateway_lib.benchmark.records import table as records
from gateway_lib.benchmark.records.columns import NAMES
from gateway_lib.benchmark.results.intervals import CONFIDENCE, Estimate
from gateway_lib.benchmark.results.metrics import BY_NAME, COLUMNS, METRICS, estimates, text
from gateway_lib.plots import short_names

BOUNDS = ("_low", "_high")


def load(path: Path) -> pd.DataFrame:
    """Records of a run with the columns that figures are made of, in the order they were due.

    Args:
        path: The Parquet file, or the folder of the run.

    Raises:
        RecordsUnusable: There is none, or it holds no records.
    """
    file = path / "records.parquet" if path.is_dir() else path
    return records.read(file, [name for name in NAMES if name in COLUMNS])


def summarise(
    frame: pd.DataFrame, by: str | list[str] = "model", *, confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """One row per model, in order of the name; or per model of a stage, by `["stage", "model"]`.

    Args:
        frame: Records.
        by: Column or columns to group by.
        confidence: Of the intervals.

    Returns:
        `requests`, `errors` and, for every figure of `metrics.METRICS`, the value and the bounds of its
        interval (`_low`, `_high`; null: n too small). Null where there is nothing to make it of;
        infinite where too many requests failed for it to be finite. Then `cost_source` and
        `cost_missing`, how many requests have no price.
    """
    ordered = in_order(frame)
    rows = {}
    # a categorical column would come in the order of its categories
    for name, part in sorted(ordered.groupby(by, observed=True), key=lambda group: group[0]):
        row: dict[str, object] = {"requests": len(part), "errors": int((~part["ok"]).sum())}
        for metric, estimate in estimates(part, confidence=confidence).items():
            row |= _columns(metric, estimate)
        sources = part.loc[part["cost_usd"].notna(), "cost_source"].dropna().unique()
        row["cost_source"] = ", ".join(sorted(map(str, sources))) or None
        row["cost_missing"] = int(part["cost_usd"].isna().sum())
        rows[name] = row
    summary = pd.DataFrame.from_dict(rows, orient="index")
    summary.index.names = [by] if isinstance(by, str) else by
    return summary


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Records in the order they were due, which intervals take into account."""
    if frame["scheduled_s"].is_monotonic_increasing:
        return frame
    return frame.sort_values("scheduled_s", kind="stable", ignore_index=True)


def estimate_of(row: pd.Series, name: str) -> Estimate | None:
    """A figure of a row of the summary, with its interval."""
    value, low, high = (row[f"{name}{suffix}"] for suffix in ("", *BOUNDS))
    if pd.isna(value):
        return None
    bounded = not (pd.isna(low) or pd.isna(high))
    return Estimate(
        float(value),
        float(low) if bounded else None,
        float(high) if bounded else None,
        int(row["requests"]),
    )


def _columns(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    return {
        name: estimate.value if estimate else None,
        f"{name}_low": estimate.low if estimate else None,
        f"{name}_high": estimate.high if estimate else None,
    }


SHOWN = (
    *("ttft_p50_ms", "ttft_p95_ms", "total_p50_ms", "total_p95_ms", "itl_p50_ms"),
    *("accuracy_pct", "tokens_out_mean", "cost_per_1k_usd"),
)


def table(summary: pd.DataFrame, shown: tuple[str, ...] = SHOWN) -> pd.DataFrame:
    """The summary to read: a row per figure, a column per model, values with their intervals.

    Args:
        summary: One row per model.
        shown: Names of the figures.
    """
    names = short_names([str(model) for model in summary.index])
    readable = {}
    for model, row in summary.iterrows():
        figures = {
            BY_NAME[name].label: text(BY_NAME[name], estimate_of(row, name)) for name in shown
        }
        counts = {"requests": f"{row['requests']:,}", "errors": f"{row['errors']:,}"}
        readable[names[str(model)]] = {**counts, **figures}
    return pd.DataFrame(readable)


def headline(frame: pd.DataFrame) -> dict[str, float | int | None]:
    """Headline figures over all models, for the list of runs."""
    over_all = estimates(in_order(frame))
    names = ("ttft_p50_ms", "ttft_p95_ms", "total_p50_ms", "accuracy_pct")
    priced = frame["cost_usd"].dropna()
    return {
        "requests": len(frame),
        "errors": int((~frame["ok"]).sum()),
        **{name: found.value if (found := over_all[name]) else None for name in names},
        "cost_usd": float(priced.sum()) if len(priced) else None,
    }


__all__ = ["METRICS", "estimate_of", "headline", "in_order", "load", "summarise", "table"]
