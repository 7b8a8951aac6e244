"""What right answers cost: which models nobody beats on both, and which somebody does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib import pyplot as plt

from gateway_lib import plots
from gateway_lib.benchmark.results.summary import estimate_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COST, _RIGHT = "cost_per_1k_usd", "accuracy_pct"


def undominated(summary: pd.DataFrame) -> list[str]:
    """Models than which none is both cheaper and more often right, cheapest first."""
    known = summary.dropna(subset=[_COST, _RIGHT]).sort_values([_COST, _RIGHT])
    best, kept = -1.0, []
    for model, row in known.iterrows():
        if row[_RIGHT] > best:
            best = row[_RIGHT]
            kept.append(str(model))
    # of several at one price only the best stays
    return [m for m in kept if not _beaten(summary, m, kept)]


def _beaten(summary: pd.DataFrame, model: str, among: list[str]) -> bool:
    own = summary.loc[model]
    others = (summary.loc[other] for other in among if other != model)
    return any(o[_COST] <= own[_COST] and o[_RIGHT] > own[_RIGHT] for o in others)


def frontier(summary: pd.DataFrame) -> plots.Picture:
    """Cost per thousand requests against right answers, each with its interval.

    The line joins the models that none beats on both; the others are hollow. Models without a price or
    without answers that were judged are named below.
    """
    models = list(map(str, summary.index))
    names = plots.short_names(models)
    known = summary.dropna(subset=[_COST, _RIGHT])
    rows = {str(model): row for model, row in known.iterrows()}
    best, words = undominated(summary), []
    with plots.slide_style():
        figure, axes = plt.subplots()
        if best:
            line = known.loc[best, [_COST, _RIGHT]].astype(float)
            axes.step(line[_COST], line[_RIGHT], where="post", color=plots.SOFT, lw=1.4, ls="--")
        for model in rows:
            shade, mark = plots.colour(models.index(model)), plots.mark(models.index(model))
            cost, right = (estimate_of(rows[model], name) for name in (_COST, _RIGHT))
            assert cost is not None and right is not None  # noqa: S101
            words.append(f"{names[model]} ${cost.value:.4f}, {right.value:.0f} % right")
            if right.low is not None and right.high is not None:
                axes.plot([cost.value] * 2, [right.low, right.high], color=shade, lw=4, alpha=0.3)
            if cost.low is not None and cost.high is not None:
                axes.plot([cost.low, cost.high], [right.value] * 2, color=shade, lw=4, alpha=0.3)
            fill = shade if model in best else "white"
            axes.plot(cost.value, right.value, mark, color=fill, ms=10, mec=shade, mew=2)
            axes.annotate(
                names[model],
                (cost.value, right.value),
                xytext=(11, -13),
                textcoords="offset points",
                color=shade,
                fontweight="bold",
            )
        _axes(axes, known)
        missing = [names[model] for model in models if model not in known.index]
        said = f"not drawn, no price or no judged answer: {', '.join(missing)}" if missing else ""
        plots.note(figure, said)
    nobody = ", ".join(names[model] for model in best)
    alt = (
        f"Cost per 1,000 requests and share of right answers: {'; '.join(words) or 'nothing known'}."
        f" Not beaten on both: {nobody or 'none'}"
    )
    return plots.Picture(figure, "cost-quality", alt)


def _axes(axes: Axes, known: pd.DataFrame) -> None:
    axes.set(
        title="Cost against right answers",
        xlabel="$ per 1,000 requests",
        ylabel="right answers, %",
    )
    if not len(known):
        return
    costs = known[_COST].astype(float)
    low = float(known[f"{_RIGHT}_low"].astype(float).min(skipna=True) or 0)
    axes.set_ylim(max(0.0, low - 8) if low == low else 0.0, 103)
    if costs.min() > 0 and costs.max() / costs.min() > 8:
        plots.logarithmic(axes, costs.min() / 1.6, costs.max() * 3)
        axes.set_xlabel("$ per 1,000 requests, logarithmic")
    else:
        axes.set_xlim(0, (costs.max() or 1.0) * 1.3)
