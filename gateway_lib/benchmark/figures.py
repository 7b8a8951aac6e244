"""The pictures of a benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from gateway_lib import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def latency_distribution(frame: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """Every request as a dot, by model: time to first token, and to the end of the answer.

    The tick is the median, the bar its 95 % interval (absent where n is too small). Models are
    ordered by their median TTFT, fastest on top.
    """
    order = list(summary.sort_values("ttft_p50_ms", ascending=False).index)
    with plots.style():
        height = 1.3 + 0.75 * len(order)
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, height), sharey=True)
        _dots(left, frame, summary, order, ("ttft_ms", "ttft_p50_ms"))
        _dots(right, frame, summary, order, ("total_ms", "total_p50_ms"))
        left.set(title="Time to first token", xlabel="ms")
        right.set(title="Time to the whole answer", xlabel="ms")
        names = plots.short_names(order)
        left.set_yticks(range(len(order)), [names[model] for model in order])
        left.tick_params(axis="y", labelcolor=plots.INK)
        left.set_ylim(-0.55, len(order) - 0.35)
    return figure


def latency_alt(summary: pd.DataFrame) -> str:
    """What `latency_distribution` shows, in words."""
    parts = summary[["ttft_p50_ms", "total_p50_ms"]].astype(float).itertuples()
    words = [f"{model} {ttft:.0f} ms and {total:.0f} ms" for model, ttft, total in parts]
    return f"Median time to first token and to the whole answer: {', '.join(words)}"


def _dots(
    axes: Axes,
    frame: pd.DataFrame,
    summary: pd.DataFrame,
    order: list[str],
    columns: tuple[str, str],
) -> None:
    each, middle = columns
    jitter = np.random.default_rng(0)
    for row, model in enumerate(order):
        values = frame.loc[(frame["model"] == model) & frame["ok"], each].dropna()
        shade = plots.colour(list(summary.index).index(model))
        heights = row - 0.12 + jitter.uniform(-0.13, 0.13, len(values))
        axes.scatter(values, heights, s=18, color=shade, alpha=0.45, lw=0)
        about = summary.loc[model, [middle, f"{middle}_low", f"{middle}_high"]]
        value, low, high = about.to_numpy(dtype=float)
        if pd.isna(value):
            continue
        if not pd.isna(low):
            axes.plot([low, high], [row + 0.16] * 2, color=shade, lw=4, alpha=0.35)
        axes.plot([value] * 2, [row + 0.07, row + 0.25], color=shade, lw=2.2)
        axes.annotate(
            f"{value:,.0f}",
            (value, row + 0.27),
            ha="center",
            va="bottom",
            color=shade,
            fontsize=9,
            fontweight="bold",
        )
    axes.set_xlim(left=0)
    plots.horizontal_only(axes)


def cost_and_accuracy(summary: pd.DataFrame) -> Figure:
    """What a thousand requests cost against how many answers were right, one mark per model.

    The bar is Wilson's 95 % interval of the accuracy. Models without a reported cost are named
    below the figure instead of being drawn.
    """
    names = plots.short_names(list(summary.index))
    priced = summary.dropna(subset=["cost_per_1k_usd", "accuracy"])
    with plots.style():
        figure, axes = plt.subplots(figsize=(7.2, 4.0))
        for model, row in priced.iterrows():
            shade = plots.colour(list(summary.index).index(model))
            cost = float(row["cost_per_1k_usd"])
            low, high = row["accuracy_low"] * 100, row["accuracy_high"] * 100
            axes.plot([cost, cost], [low, high], color=shade, lw=4, alpha=0.3)
            axes.plot(cost, row["accuracy"] * 100, "o", color=shade, ms=8, mec="white")
            axes.annotate(
                names[str(model)],
                (cost, row["accuracy"] * 100),
                xytext=(9, 0),
                textcoords="offset points",
                va="center",
                color=shade,
                fontweight="bold",
            )
        axes.set(
            title="Cost against right answers",
            xlabel="$ per 1000 requests, as the gateway priced them",
            ylabel="right answers, %",
            ylim=(0, 104),
        )
        top = float(priced["cost_per_1k_usd"].max()) if len(priced) else 1.0
        axes.set_xlim(0, (top or 1.0) * 1.35)
        missing = [names[model] for model in summary.index if model not in priced.index]
        if missing:
            note = f"not drawn, no cost reported or no answer: {', '.join(missing)}"
            figure.supxlabel(note, fontsize=8.5, color=plots.SOFT, ha="right", x=0.99)
    return figure


def cost_alt(summary: pd.DataFrame) -> str:
    """What `cost_and_accuracy` shows, in words."""
    parts = summary[["cost_per_1k_usd", "accuracy"]].astype(float).itertuples()
    words = [f"{model} ${cost:.4f} and {right:.0%}" for model, cost, right in parts]
    return f"Cost per 1000 requests and share of right answers: {', '.join(words)}"
