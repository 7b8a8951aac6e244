"""A run as it went: how long requests took when they were due, and which failed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from gateway_lib import plots

_DOTS = 4000
_SLICES = 60


def timeline(frame: pd.DataFrame) -> plots.Picture:
    """Each request at the moment it was due, median and p95 of slices of time, failures on top.

    Of many requests some are drawn as dots, evenly picked; the lines are made of all of them.
    """
    models = sorted(map(str, frame["model"].unique()))
    names = plots.short_names(models)
    due = frame["scheduled_s"].to_numpy(dtype=float)
    start, end = (float(due.min()), float(due.max())) if len(due) else (0.0, 1.0)
    good = frame[frame["ok"]]
    failed = frame[~frame["ok"]]
    with plots.slide_style():
        figure, axes = plt.subplots()
        shown = good.iloc[:: max(1, -(-len(good) // _DOTS))]
        for place, model in enumerate(models):
            part = shown[shown["model"] == model]
            axes.plot(
                part["scheduled_s"] - start,
                part["total_ms"],
                plots.mark(place),
                ms=3.5,
                color=plots.colour(place),
                alpha=0.35,
                mew=0,
                rasterized=True,
            )
        sliced = _slices(good, start, end)
        axes.plot(sliced.index, sliced["p50"], color=plots.INK, lw=2)
        axes.plot(sliced.index, sliced["p95"], color=plots.INK, lw=1.4, ls="--")
        ceiling = float(good["total_ms"].quantile(0.999)) if len(good) else 1.0
        axes.set_ylim(0, ceiling * 1.3)
        top = ceiling * 1.22
        some = failed.iloc[:: max(1, -(-len(failed) // _DOTS))]
        axes.plot(
            some["scheduled_s"] - start,
            np.full(len(some), top),
            "x",
            color="#D55E00",
            ms=7,
            mew=1.6,
            clip_on=False,
        )
        if len(failed):
            kinds = failed["error_kind"].astype(str).value_counts()
            said = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
            axes.text(
                0,
                top * 0.985,
                f"\u00d7 {len(failed):,} failed: {said}",
                va="top",
                color="#D55E00",
                fontsize=11,
            )
        axes.set(
            title="The run as it went",
            xlabel="seconds since the first request was due",
            ylabel="ms to the whole answer",
            xlim=(0, max(end - start, 1e-3) * 1.01),
        )
        plots.thousands(axes.yaxis)
        plots.key(axes, [names[model] for model in models])
        beyond = int((good["total_ms"] > ceiling * 1.3).sum())
        sampled = (
            f"{len(shown):,} of {len(good):,} requests as dots" if len(shown) < len(good) else ""
        )
        above = f"{beyond:,} above the axis" if beyond else ""
        lines = "lines: median and p95 (dashed) of all"
        plots.note(figure, ", ".join(filter(None, (lines, sampled, above))))
    alt = (
        f"{len(frame):,} requests over {end - start:,.0f} s, {len(failed):,} failed; medians of"
        f" {len(sliced)} slices of time from {_ms(sliced['p50'].min())} to {_ms(sliced['p50'].max())}"
    )
    return plots.Picture(figure, "timeline", alt)


def _slices(good: pd.DataFrame, start: float, end: float) -> pd.DataFrame:
    """p50 and p95 of slices that have at least five requests each, by their middle in seconds."""
    count = int(np.clip(len(good) // 20, 1, _SLICES))
    width = (end - start) / count or 1.0
    place = np.minimum((good["scheduled_s"].to_numpy() - start) / width, count - 1).astype(int)
    grouped = good["total_ms"].groupby(place)
    sliced = pd.DataFrame({"p50": grouped.quantile(0.5), "p95": grouped.quantile(0.95)})
    sliced = sliced[grouped.size() >= 5]
    sliced.index = (sliced.index.to_numpy(dtype=float) + 0.5) * width
    return sliced


def _ms(value: float) -> str:
    return "unknown" if pd.isna(value) else f"{value:,.0f} ms"
