"""What changed between two runs, figure by figure, with intervals and verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import pyplot as plt

from gateway_lib import plots
from gateway_lib.benchmark.results.comparison import Change, Comparison
from gateway_lib.benchmark.results.metrics import METRICS, Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOOK = {
    "worse": ("#D55E00", "v"),
    "better": ("#0072B2", "^"),
    "same": ("#009E73", "o"),
    "cannot tell": (plots.SOFT, "o"),
    "run invalid": (plots.SOFT, "X"),
}
_WIDEST = 150.0


def changes(comparison: Comparison, *, tolerance_pct: float = 5.0) -> plots.Picture:
    """Change of each figure in percent (percentage points for shares), one panel per model.

    Args:
        comparison: Of two runs.
        tolerance_pct: Drawn as the band that does not matter.
    """
    drawable = [c for c in comparison.changes if c.difference and c.difference.low is not None]
    models = sorted({change.model for change in comparison.changes})
    names = plots.short_names(models)
    figures = [m for m in METRICS if any(c.metric == m for c in drawable)]
    columns = min(3, max(1, len(models)))
    lines = -(-len(models) // columns) or 1
    with plots.slide_style():
        size = (
            plots.SLIDE[0] + 1.6 * (columns - 1),
            max(3.6, 1.3 + 0.5 * max(1, len(figures))) * lines,
        )
        figure, grid = plt.subplots(lines, columns, figsize=size, squeeze=False, sharey=True)
        for axes in grid.flat[len(models) :]:
            axes.set_axis_off()
        for axes, model in zip(grid.flat, models, strict=False):
            _panel(axes, [c for c in drawable if c.model == model], figures, tolerance_pct)
            axes.set_title(names[model])
        without = [c for c in comparison.changes if c not in drawable]
        plots.note(figure, f"{len(without)} figures without an interval" if without else "")
    words = [
        f"{names[c.model]} {c.metric.short} {c.verdict}"
        for c in comparison.changes
        if c.verdict in ("worse", "better")
    ]
    return plots.Picture(
        figure, "changes", f"Changes between two runs: {'; '.join(words) or 'none that is sure'}"
    )


def percent(change: Change) -> tuple[float, float, float] | None:
    """Value and bounds of a change in percent; in percentage points for a share."""
    apart = change.difference
    if apart is None or apart.low is None or apart.high is None:
        return None
    factor = 100 if apart.relative else 1
    return apart.value * factor, apart.low * factor, apart.high * factor


def _panel(axes: Axes, drawn: list[Change], figures: list[Metric], tolerance: float) -> None:
    axes.axvspan(-tolerance, tolerance, color=plots.SOFT, alpha=0.1, lw=0)
    axes.axvline(0, color=plots.SOFT, lw=1)
    for change in drawn:
        row = len(figures) - 1 - figures.index(change.metric)
        shade, mark = _LOOK.get(change.verdict, (plots.SOFT, "o"))
        told = percent(change)
        assert told is not None  # noqa: S101
        value, low, high = np.clip(told, -_WIDEST, _WIDEST)
        axes.plot([low, high], [row] * 2, color=shade, lw=4, alpha=0.4)
        axes.plot(value, row, mark, color=shade, ms=9, mec="white")
        axes.annotate(
            change.verdict if change.verdict != "same" else "",
            (value, row),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            color=shade,
            fontsize=10,
        )
    labels = [metric.short for metric in reversed(figures)]
    axes.set_yticks(range(len(figures)), labels)
    axes.tick_params(axis="y", labelcolor=plots.INK)
    axes.set_ylim(-0.6, max(len(figures), 1) - 0.2)
    axes.set_xlabel("change, % (shares: points)")
    plots.horizontal_only(axes)
