"""The distributions of two runs on each other, a panel per model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.ticker import PercentFormatter

from gateway_lib import plots
from gateway_lib.benchmark.figures.distribution import TITLES
from gateway_lib.benchmark.results.metrics import times

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 800


def overlay(before: pd.DataFrame, after: pd.DataFrame, column: str = "ttft_ms") -> plots.Picture:
    """ECDFs of a time before (grey, dashed) and after, for each model both runs have, on one scale.

    Args:
        before: Records of the one run.
        after: Records of the other.
        column: `ttft_ms`, `total_ms` or `itl_ms`.
    """
    both = [set(map(str, frame["model"].unique())) for frame in (before, after)]
    models = sorted(both[0] & both[1])
    names = plots.short_names(models)
    columns = min(3, max(1, len(models)))
    lines = -(-len(models) // columns) or 1
    words = []
    with plots.slide_style():
        size = (plots.SLIDE[0] + 1.2 * (columns - 1), 3.8 * lines)
        figure, grid = plt.subplots(
            lines, columns, figsize=size, squeeze=False, sharex=True, sharey=True
        )
        for axes in grid.flat[len(models) :]:
            axes.set_axis_off()
        for place, (axes, model) in enumerate(zip(grid.flat, models, strict=False)):
            pair = [np.sort(times(f[f["model"] == model], column)) for f in (before, after)]
            _curve(axes, pair[0], plots.SOFT, "--", "before")
            _curve(axes, pair[1], plots.colour(place), "-", "after")
            axes.set(title=names[model], xlabel="ms", ylim=(0, 1.01))
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            axes.legend(loc="lower right", frameon=False)
            words.append(f"{names[model]} from {_median(pair[0])} to {_median(pair[1])}")
        if models:
            grid[0, 0].set_xlim(left=0)
            plots.thousands(grid[0, 0].xaxis)
        figure.suptitle(f"{TITLES[column]}, share of requests", x=0.01, ha="left", fontsize=15)
    stem = column.removesuffix("_ms")
    return plots.Picture(
        figure, f"overlay-{stem}", f"{TITLES[column]}, medians before and after: {'; '.join(words)}"
    )


def _curve(axes: Axes, values: np.ndarray, shade: str, line: str, label: str) -> None:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return
    picked = np.unique(np.linspace(0, len(finite) - 1, _POINTS).astype(int))
    heights = (picked + 1) / len(values)
    axes.step(finite[picked], heights, where="post", color=shade, ls=line, lw=2.2, label=label)


def _median(ordered: np.ndarray) -> str:
    if not len(ordered):
        return "unknown"
    value = float(ordered[(len(ordered) - 1) // 2])
    return f"{value:,.0f} ms" if np.isfinite(value) else "never"
