"""A metric's values by arm: the curve of a number, the share of a yes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.ticker import PercentFormatter

from gateway_lib import plots
from gateway_lib.experiments.figures.canvas import shade, styled
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.words import value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gateway_lib.experiments.metrics import Metric

_POINTS = 1000
_Z95 = 1.959963984540054


def distribution(
    frame: pd.DataFrame, experiment: Experiment, metric: str | None = None, *, small: bool = False
) -> plots.Picture:
    """Calls of each arm by what they had of a metric.

    Of a number the share of calls that had at most so much; of a proportion its share with a 95 % interval
    over calls, which is for the eye: the analysis knows that calls of a unit resemble each other.

    Args:
        frame: Outcomes.
        experiment: Of which the metric is.
        metric: The primary one when not given.
        small: For the memo.
    """
    name = metric or experiment.primary.metric
    measured = experiment.metric(name)
    arms = [arm.name for arm in experiment.routing.arms]
    values = {arm: _values(frame[frame["arm"] == arm], measured) for arm in arms}
    values = {arm: found for arm, found in values.items() if len(found)}
    with styled(small):
        figure, axes = plt.subplots()
        axes.set_title(f"{name.replace('_', ' ').capitalize()} by arm")
        if measured.kind == "proportion":
            words = _shares(axes, values, arms, measured)
        else:
            words = _curves(axes, values, arms, measured, small)
    text = "; ".join(words) or "no value yet"
    return plots.Picture(figure, f"distribution-{name.replace('_', '-')}", f"{name} by arm: {text}")


def _values(part: pd.DataFrame, metric: Metric) -> np.ndarray:
    if metric.value not in part.columns:
        return np.array([])
    found = part[metric.value].to_numpy(dtype=float, na_value=np.nan)
    if metric.per is not None:
        below = part[metric.per].to_numpy(dtype=float, na_value=np.nan)
        found = np.divide(found, below, out=np.full(len(found), np.nan), where=below > 0)
    return np.sort(found[np.isfinite(found)])


def _curves(
    axes: Axes, values: dict[str, np.ndarray], arms: list[str], metric: Metric, small: bool
) -> list[str]:
    words, ends = [], []
    for place, (arm, found) in enumerate(values.items()):
        picked = np.unique(np.linspace(0, len(found) - 1, _POINTS).astype(int))
        heights = (picked + 1) / len(found)
        colour = shade(arms, arm)
        width = 1.4 if small else 2.2
        axes.step(
            found[picked],
            heights,
            where="post",
            color=colour,
            ls=plots.dashes(place),
            lw=width,
            label=arm,
        )
        middle = float(np.median(found))
        words.append(f"{arm} median {value_text(metric, middle)} of {len(found):,} calls")
        ends.append(found[int((len(found) - 1) * 0.995)])
    axes.set(ylim=(0, 1.01), ylabel="share of calls", xlabel=metric.unit or metric.name)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if ends:
        axes.set_xlim(min(0.0, *(found[0] for found in values.values())), max(ends) * 1.02 or 1.0)
        axes.legend(loc="lower right", frameon=False)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
    return words


def _shares(
    axes: Axes, values: dict[str, np.ndarray], arms: list[str], metric: Metric
) -> list[str]:
    words = []
    for row, (arm, found) in enumerate(reversed(list(values.items()))):
        share, n = float(np.mean(found)), len(found)
        half = _Z95 * np.sqrt(share * (1 - share) / n)
        colour = shade(arms, arm)
        axes.barh(row, share, color=colour, alpha=0.35, height=0.55)
        axes.plot([max(0.0, share - half), min(1.0, share + half)], [row] * 2, color=colour, lw=3)
        axes.text(0.01, row, f"{arm}  {share:.1%} of {n:,}", va="center", color=plots.INK)
        words.append(f"{arm} {value_text(metric, share)} of {n:,} calls")
    axes.set_yticks([])
    axes.set(xlim=(0, 1), xlabel="share of calls")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    plots.horizontal_only(axes)
    return words
