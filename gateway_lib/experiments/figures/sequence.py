"""The effect as it was known at each moment: a confidence sequence, or a warning not to peek."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt

from gateway_lib import plots
from gateway_lib.experiments.figures.canvas import shade, styled
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.results import Analysis, Looks
from gateway_lib.experiments.words import value_text


def sequence(
    analysis: Analysis, experiment: Experiment, metric: str | None = None, *, small: bool = False
) -> plots.Picture:
    """An effect over the units that had come, with its interval at each look.

    Args:
        analysis: What is drawn.
        experiment: Of which the metric is.
        metric: The primary one when not given.
        small: For the memo.
    """
    name = metric or experiment.primary.metric
    measured = experiment.metric(name)
    series = [each for each in analysis.looks if each.metric == name]
    words = []
    with styled(small):
        figure, axes = plt.subplots()
        axes.axhline(0, color=plots.SOFT, lw=1)
        for looks in series:
            _line(looks, shade(analysis.arms, looks.arm), small)
            last = value_text(measured, looks.estimate[-1], signed=True)
            bounds = [
                value_text(measured, each[-1], signed=True) for each in (looks.low, looks.high)
            ]
            words.append(
                f"{looks.arm} {last} [{', '.join(bounds)}] after {looks.n_units[-1]:,} units"
            )
        valid = all(looks.always_valid for looks in series)
        how = "valid at every look" if valid else "each for a single look: not to be peeked at"
        axes.set(
            title=f"Effect on {name.replace('_', ' ')} so far, {how}",
            xlabel="units",
            ylabel=f"change, {_unit(measured.unit)}",
        )
        plots.thousands(axes.xaxis)
        axes.yaxis.set_major_formatter(lambda value, _: _tick(measured.unit, value))
        _limit(series)
    text = "; ".join(words) or "no look yet"
    return plots.Picture(figure, f"sequence-{name}", f"Effect on {name} over the units: {text}")


def _line(looks: Looks, colour: str, small: bool) -> None:
    axes, units = plt.gca(), np.array(looks.n_units, dtype=float)
    axes.fill_between(units, looks.low, looks.high, color=colour, alpha=0.2, lw=0)
    axes.plot(units, looks.estimate, color=colour, lw=1.4 if small else 2.2)


def _limit(series: list[Looks]) -> None:
    """The first looks are so wide that nothing else could be seen: the scale is that of the later half."""
    bounds = [
        value
        for looks in series
        for value in (*looks.low[len(looks.low) // 3 :], *looks.high[len(looks.high) // 3 :], 0.0)
        if np.isfinite(value)
    ]
    if bounds and min(bounds) < max(bounds):
        room = 0.08 * (max(bounds) - min(bounds))
        plt.gca().set_ylim(min(bounds) - room, max(bounds) + room)


def _unit(unit: str) -> str:
    return "points" if unit == "%" else unit or "in its unit"


def _tick(unit: str, value: float) -> str:
    if unit == "%":
        return f"{value * 100:g}"
    return f"{value:,.8f}".rstrip("0").rstrip(".")
