"""From one row per request to one row per model."""

from __future__ import annotations

import pandas as pd

from gateway_lib.benchmark.intervals import Estimate, proportion_interval, quantile_interval
from gateway_lib.plots import short_names

TOO_SMALL = "n too small"


def summarise(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per model, indexed by model, in order of the name.

    Times, tokens and cost are of requests that succeeded; accuracy is the share of those that were
    answered right. Where a model has none, its figures are null.

    Returns:
        `requests`, `errors`; `ttft_p50_ms`, `ttft_p95_ms`, `total_p50_ms` and `accuracy`, each with
        `_low` and `_high` of its 95 % interval (null: n too small for one); `tokens_out_mean`,
        `cost_per_1k_usd` (per thousand requests) and `cost_source`.
    """
    rows = {str(model): _summary(part) for model, part in frame.groupby("model")}
    return pd.DataFrame.from_dict(rows, orient="index").sort_index()


def _summary(part: pd.DataFrame) -> dict[str, object]:
    good = part[part["ok"]]
    row: dict[str, object] = {"requests": len(part), "errors": len(part) - len(good)}
    for name, column, q in (
        ("ttft_p50_ms", "ttft_ms", 0.5),
        ("ttft_p95_ms", "ttft_ms", 0.95),
        ("total_p50_ms", "total_ms", 0.5),
    ):
        values = good[column].dropna().to_numpy()
        row |= _columns(name, quantile_interval(values, q) if len(values) else None)
    right = good["correct"].dropna()
    row |= _columns(
        "accuracy", proportion_interval(int(right.sum()), len(right)) if len(right) else None
    )
    priced = good["cost_usd"].dropna()
    sources = sorted(set(good["cost_source"].dropna()))
    return {
        **row,
        "tokens_out_mean": good["tokens_out"].astype(float).mean(),
        "cost_per_1k_usd": priced.mean() * 1000 if len(priced) else None,
        "cost_source": ", ".join(sources) or None,
    }


def _columns(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    return {
        name: estimate.value if estimate else None,
        f"{name}_low": estimate.low if estimate else None,
        f"{name}_high": estimate.high if estimate else None,
    }


def table(summary: pd.DataFrame) -> pd.DataFrame:
    """The summary to read: values with their 95 % intervals, units in the headings."""
    readable = pd.DataFrame(
        {
            "requests": summary["requests"],
            "errors": summary["errors"],
            "TTFT p50, ms": _texts(summary, "ttft_p50_ms", "{:.0f}"),
            "TTFT p95, ms": _texts(summary, "ttft_p95_ms", "{:.0f}"),
            "total p50, ms": _texts(summary, "total_p50_ms", "{:.0f}"),
            "tokens out, mean": summary["tokens_out_mean"].map(lambda n: _text(n, "{:.0f}")),
            "cost per 1000, $": summary["cost_per_1k_usd"].map(lambda c: _text(c, "{:.4f}")),
            "accuracy, %": _texts(summary, "accuracy", "{:.0f}", factor=100),
        }
    )
    return readable.rename(index=short_names([str(model) for model in summary.index]))


def _texts(summary: pd.DataFrame, name: str, form: str, factor: float = 1) -> list[str]:
    texts: list[str] = []
    columns = summary[[name, f"{name}_low", f"{name}_high"]].astype(float) * factor
    for value, low, high in columns.itertuples(index=False):
        if pd.isna(value):
            texts.append("no data")
        elif pd.isna(low):
            texts.append(f"{form.format(value)} ({TOO_SMALL})")
        else:
            texts.append(f"{form.format(value)} [{form.format(low)}, {form.format(high)}]")
    return texts


def _text(value: float | None, form: str) -> str:
    return "not reported" if value is None or pd.isna(value) else form.format(value)


def headline(frame: pd.DataFrame) -> dict[str, float | int | None]:
    """Headline figures over all models, for the list of runs."""
    good = frame[frame["ok"]]
    right = good["correct"].dropna()
    priced = good["cost_usd"].dropna()
    return {
        "requests": len(frame),
        "errors": len(frame) - len(good),
        "ttft_p50_ms": float(good["ttft_ms"].median()) if len(good) else None,
        "total_p50_ms": float(good["total_ms"].median()) if len(good) else None,
        "accuracy_pct": float(right.mean() * 100) if len(right) else None,
        "cost_usd": float(priced.sum()) if len(priced) else None,
    }
