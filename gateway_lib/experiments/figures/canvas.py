"""What an experiment's figures share: their size, the colour of an arm, the colour of a finding."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING

from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from gateway_lib import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BETTER, WORSE, OPEN = "#0072B2", "#D55E00", plots.SOFT


def styled(small: bool) -> AbstractContextManager[None]:
    """The style of a size."""
    return plots.small_style() if small else plots.slide_style()


def shade(arms: Sequence[str], arm: str) -> str:
    """The colour of an arm: the control is grey."""
    place = list(arms).index(arm)
    return plots.SOFT if place == 0 else plots.colour(place - 1)


def verdict_shade(better: bool | None) -> str:
    """The colour of a change: for the better, for the worse, or not known."""
    return OPEN if better is None else BETTER if better else WORSE


def over_time(axes: Axes, moments: Sequence[datetime]) -> None:
    """Few moments on the axis below, each as short as it can be."""
    locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(formatter)
    if moments and moments[0] < moments[-1]:
        axes.set_xlim(moments[0], moments[-1])  # type: ignore[arg-type]
