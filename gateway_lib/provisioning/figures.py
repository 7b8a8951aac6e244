"""The picture of spend against budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib import pyplot as plt

from gateway_lib import plots
from gateway_lib.provisioning.tables import dollars_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OVER, _SPENT = plots.COLOURS[1], plots.COLOURS[0]


def spend_against_budget(frame: pd.DataFrame) -> Figure:
    """Each user's spend and budget on a logarithmic axis of dollars, and below it those per model.

    Args:
        frame: As `spend` makes it.

    Raises:
        ValueError: There is nobody in it.
    """
    if frame.empty:
        raise ValueError("nobody to draw")
    rows = frame.to_dict("records")
    amounts = pd.concat([frame["spend_usd"], frame["budget_usd"]]).dropna()
    amounts = amounts[amounts > 0]
    low = amounts.min() / 6 if len(amounts) else 0.01
    high = amounts.max() * 2.5 if len(amounts) else 1.0
    with plots.style():
        figure, axes = plt.subplots(figsize=(9.2, 1.3 + 0.46 * len(rows)))
        axes.set_xscale("log")
        for place, row in enumerate(reversed(rows)):
            _draw(axes, place, float(row["spend_usd"]), row["budget_usd"], low, bool(row["model"]))
            axes.annotate(
                _words(row),
                (1.015, place),
                xycoords=("axes fraction", "data"),
                va="center",
                color=_colour(row) if row["spend_usd"] else plots.SOFT,
                fontsize=9,
                parse_math=False,
            )
        short = plots.short_names([str(row["model"]) for row in rows if row["model"]])
        names = [short.get(str(row["model"]), str(row["user"])) for row in reversed(rows)]
        axes.set_yticks(range(len(rows)), names)
        for label, row in zip(axes.get_yticklabels(), reversed(rows), strict=True):
            label.set_color(plots.SOFT if row["model"] else plots.INK)
            label.set_fontsize(9 if row["model"] else 10)
        axes.set(title="Spent, and the budget it counts against", xlabel="$, logarithmic")
        axes.xaxis.set_major_formatter(_tick)
        axes.minorticks_off()
        axes.set_xlim(low, high)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        plots.horizontal_only(axes)
    return figure


def _tick(value: float, _: object) -> str:
    text = dollars_text(value)
    return "\\" + (text.rstrip("0").rstrip(".") if "." in text else text)


def _draw(axes: Axes, place: int, spent: float, budget: float, low: float, of_model: bool) -> None:
    width, size = (3.0, 5.5) if of_model else (5.0, 8.0)
    over = not pd.isna(budget) and spent >= budget
    shade = _OVER if over else _SPENT
    if not pd.isna(budget) and budget > 0:
        axes.plot([low, budget], [place, place], color=plots.LINE, lw=width, zorder=1)
        axes.plot([budget] * 2, [place - 0.22, place + 0.22], color=plots.INK, lw=1.6, zorder=3)
    if spent > 0:
        axes.plot([low, spent], [place, place], color=shade, lw=width, alpha=0.75, zorder=2)
        axes.plot(spent, place, "o", color=shade, ms=size, mec="white", zorder=4)


def _colour(row: Mapping[Any, Any]) -> str:
    spent, budget = float(row["spend_usd"]), float(row["budget_usd"])
    return _OVER if not pd.isna(budget) and spent >= budget else _SPENT


def _words(row: Mapping[Any, Any]) -> str:
    """`$0.12 of $5.00 in 30d`."""
    spent, budget = float(row["spend_usd"]), float(row["budget_usd"])
    said = "spend not told" if pd.isna(spent) else dollars_text(spent)
    if pd.isna(budget):
        return f"{said}, no budget"
    period = f" in {row['period']}" if row["period"] else ""
    return f"{said} of {dollars_text(budget)}{period}"


def spend_alt(frame: pd.DataFrame) -> str:
    """What `spend_against_budget` shows, in words."""
    words = [
        f"{row['user']}{' on ' + str(row['model']) if row['model'] else ''} {_words(row)}"
        for row in frame.to_dict("records")
    ]
    return f"Spend against budget: {'; '.join(words)}"
