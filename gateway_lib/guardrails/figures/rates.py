"""Leak rate and false-alarm rate of each way of checking, with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib import pyplot as plt

from gateway_lib import plots
from gateway_lib.guardrails.scoring import rates
from gateway_lib.guardrails.thresholds import said

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def rates_picture(frame: pd.DataFrame) -> plots.Picture:
    """Two panels side by side, a line per way of checking; less is better in both."""
    table = rates(frame)
    ways = [_name(way) for way in table.index]
    words = []
    with plots.slide_style():
        size = (plots.SLIDE[0] + 2, 1.6 + 0.42 * max(len(ways), 2))
        figure, pair = plt.subplots(1, 2, figsize=size, sharey=True)
        titles = (("leak", "cases that leaked, %"), ("false_alarm", "harmless cases stopped, %"))
        for place, (axes, (name, title)) in enumerate(zip(pair, titles, strict=True)):
            words.append(f"{title}: {_panel(axes, table, name, place)}")
            axes.set_xlabel(title)
            axes.set_xlim(left=0)
        pair[0].set_yticks(range(len(ways)), ways)
        pair[0].invert_yaxis()
        figure.suptitle(
            "What leaks and what is stopped without need", x=0.01, ha="left", fontsize=15
        )
    return plots.Picture(
        figure, "rates", f"By way of checking ({'; '.join(ways)}). {'. '.join(words)}"
    )


def _panel(axes: Axes, table: pd.DataFrame, name: str, place: int) -> str:
    told = []
    for row, (_, values) in enumerate(table.iterrows()):
        share = values[f"{name}_rate"]
        if pd.isna(share):
            told.append("no case")
            continue
        low, high = values[f"{name}_low"] * 100, values[f"{name}_high"] * 100
        axes.plot([low, high], [row, row], color=plots.colour(place), lw=5, alpha=0.3)
        axes.plot(share * 100, row, plots.mark(place), color=plots.colour(place), ms=9)
        told.append(f"{share:.0%}")
    plots.horizontal_only(axes)
    return ", ".join(told)


def _name(way: object) -> str:
    guardrail, mode, *rest = way if isinstance(way, tuple) else (way, "")
    shown = str(guardrail) if mode == "guardrailConfig" else f"{guardrail} ({mode})"
    return said((shown, *rest))
