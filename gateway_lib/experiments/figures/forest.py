"""Every effect with its interval, one under the other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib import pyplot as plt

from gateway_lib import plots
from gateway_lib.experiments.figures.canvas import WORSE, styled, verdict_shade
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.results import Analysis, Effect, GuardrailResult
from gateway_lib.experiments.words import percent_text, relative_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDEST = 1.0
"""An interval beyond 100 % of the control is cut off there."""


def forest(analysis: Analysis, experiment: Experiment, *, small: bool = False) -> plots.Picture:
    """Effects as shares of the control: blue for better, red for worse, grey where nobody can tell.

    A guardrail's margin is a red bar: its interval must stay on the good side of it.

    Args:
        analysis: What is drawn.
        experiment: Says which direction is good.
        small: For the memo.
    """
    margins = {id(result.effect): result for result in analysis.guardrails}
    rows = [each for each in analysis.effects if _is_drawable(each)]
    several = len(analysis.arms) > 2
    words = []
    with styled(small):
        width, height = plt.rcParams["figure.figsize"]
        tall = max(height, (0.62 if small else 1.4) + (0.2 if small else 0.5) * len(rows))
        figure, axes = plt.subplots(figsize=(width, tall))
        axes.axvline(0, color=plots.SOFT, lw=1)
        for place, effect in enumerate(rows):
            row = len(rows) - 1 - place
            _drawn(axes, effect, row, small)
            if result := margins.get(id(effect)):
                _margin(axes, result, experiment, row)
            words.append(f"{effect.metric} {relative_text(effect)}")
        names = [_label(each, several) for each in reversed(rows)]
        axes.set_yticks(range(len(rows)), names)
        axes.tick_params(axis="y", labelcolor=plots.INK)
        axes.set_ylim(-0.6, max(len(rows), 1) - 0.4)
        axes.set_title(f"Effects, with\n{_level(analysis, rows)}")
        axes.set_xlabel("change, % of the control")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value * 100:g}")
        plots.horizontal_only(axes)
        absent = sorted({e.metric for e in analysis.effects} - {e.metric for e in rows})
        without = f"not as a share of the control: {', '.join(absent)}; " if absent else ""
        if not small:
            plots.note(figure, f"{without}red bar: margin of a guardrail")
    return plots.Picture(figure, "effects", f"Effects: {'; '.join(words) or 'none to show'}")


def _level(analysis: Analysis, rows: list[Effect]) -> str:
    """How sure the intervals are, and when: several treatments share alpha, guardrails may have a part."""
    levels = sorted({round(100 * each.level, 2) for each in rows}) or [100 * (1 - analysis.alpha)]
    told = " to ".join(f"{each:.4g}" for each in (levels[0], levels[-1])[: len(levels)])
    valid = [each.always_valid for each in rows]
    if all(valid):
        return f"{told} % intervals, valid at every look"
    return f"{told} % intervals for one look" + (", guardrails at every look" if any(valid) else "")


def _is_drawable(effect: Effect) -> bool:
    told = (effect.relative, effect.relative_low, effect.relative_high)
    return all(each is not None and not math.isnan(each) for each in told)


def _label(effect: Effect, several: bool) -> str:
    arm = f" ({effect.arm})" if several else ""
    return f"{effect.metric.replace('_', ' ')}{arm}, {effect.role}"


def _drawn(axes: Axes, effect: Effect, row: int, small: bool) -> None:
    value, low, high = (
        max(-_WIDEST, min(_WIDEST, each or 0.0))
        for each in (effect.relative, effect.relative_low, effect.relative_high)
    )
    shade = verdict_shade(effect.better)
    axes.plot([low, high], [row] * 2, color=shade, lw=2.5 if small else 4, alpha=0.45)
    axes.plot(value, row, "o", color=shade, ms=4.5 if small else 8, mec="white", mew=0.8)
    axes.annotate(
        percent_text(effect.relative),
        (value, row),
        xytext=(0, 3.5 if small else 7),
        textcoords="offset points",
        ha="center",
        va="bottom",
        color=shade,
        fontsize=6.5 if small else 10,
    )


def _margin(axes: Axes, result: GuardrailResult, experiment: Experiment, row: int) -> None:
    control = result.effect.control_value
    share = result.margin if result.relative else result.margin / control if control > 0 else None
    if share is None or share > _WIDEST:
        return
    at = share if experiment.metric(result.metric).goal == "lower" else -share
    axes.plot([at] * 2, [row - 0.32, row + 0.32], color=WORSE, lw=2.2)
