"""Percentiles of a time with their intervals, by model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from gateway_lib import plots
from gateway_lib.benchmark.figures.distribution import TITLES
from gateway_lib.benchmark.results.metrics import BY_NAME, text
from gateway_lib.benchmark.results.summary import estimate_of

_QS = (50, 95, 99)


def percentiles(summary: pd.DataFrame, column: str = "ttft_ms") -> plots.Picture:
    """p50, p95 and p99 with their 95 % intervals; hollow where n is too small for an interval.

    Args:
        summary: One row per model.
        column: `ttft_ms`, `total_ms` or `itl_ms`.
    """
    stem = column.removesuffix("_ms")
    qs = [q for q in _QS if f"{stem}_p{q}_ms" in BY_NAME]
    order = list(summary.sort_values(f"{stem}_p50_ms", ascending=False).index)
    names, words = plots.short_names(list(map(str, summary.index))), []
    small, never = False, []
    with plots.slide_style():
        figure, axes = plt.subplots(figsize=(plots.SLIDE[0], max(3.2, 1.6 + 0.95 * len(order))))
        for row, model in enumerate(order):
            shade = plots.colour(list(summary.index).index(model))
            said = []
            for slot, q in enumerate(qs):
                metric = BY_NAME[f"{stem}_p{q}_ms"]
                about = estimate_of(summary.loc[model], metric.name)
                said.append(f"p{q} {text(metric, about)}")
                if about is not None and np.isinf(about.value):
                    never.append(f"{names[str(model)]} p{q}")
                if about is None or np.isinf(about.value):
                    continue
                height = row + 0.24 - 0.24 * slot
                small |= not about.bounded
                if about.low is not None and about.high is not None:
                    top = about.high if np.isfinite(about.high) else about.value * 1.5
                    axes.plot([about.low, top], [height] * 2, color=shade, lw=5, alpha=0.35)
                axes.plot(
                    about.value,
                    height,
                    plots.mark(slot),
                    ms=8,
                    color=shade if about.bounded else "white",
                    mec=shade,
                    mew=1.6,
                )
                end = about.value
                if about.high is not None:
                    end = about.high if np.isfinite(about.high) else about.value * 1.5
                axes.annotate(
                    f"p{q}  {about.value:{metric.form}}",
                    (end, height),
                    xytext=(9, 0),
                    textcoords="offset points",
                    va="center",
                    color=shade,
                    fontsize=11,
                )
            words.append(f"{names[str(model)]} {', '.join(said)}")
        axes.set(title=f"{TITLES[column]}, with 95 % intervals", xlabel="ms")
        axes.set_yticks(range(len(order)), [names[str(model)] for model in order])
        axes.tick_params(axis="y", labelcolor=plots.INK)
        axes.set_ylim(-0.55, len(order) - 0.45)
        axes.set_xlim(0, axes.get_xlim()[1] * 1.12)
        plots.thousands(axes.xaxis)
        plots.horizontal_only(axes)
        hollow = "hollow: n too small for an interval" if small else ""
        failed = f"never, so many requests failed: {', '.join(never)}" if never else ""
        plots.note(figure, "; ".join(filter(None, (hollow, failed))))
    return plots.Picture(figure, f"percentiles-{stem}", f"{TITLES[column]}: {'; '.join(words)}")
