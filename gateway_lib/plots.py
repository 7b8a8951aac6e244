"""How every figure looks, and the few parts they share.

Colours are those of Okabe and Ito, which stay apart for colour-blind readers; marks are labelled
where they are, so there is no legend to look up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKS = ("o", "s", "^", "D", "v", "P")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), "-.", (0, (7, 2, 1, 2, 1, 2)), "--")
INK, SOFT, LINE = "#1b1f24", "#5b6570", "#dde1e6"
SLIDE = (9.6, 5.4)
"""Inches, 16:9. Text of 12 points on it can be read from the last row."""
SMALL = (4.4, 2.15)
"""Inches."""

_STYLE: dict[Any, Any] = {
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#eceef1",
    "grid.linewidth": 0.8,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.solid_capstyle": "round",
}


class Picture(NamedTuple):
    """A figure with its file name and what it shows in words, for who cannot see it."""

    figure: Figure
    name: str
    alt: str


@contextmanager
def style() -> Iterator[None]:
    """The style, for the figures made inside the context only."""
    with mpl.rc_context(_STYLE):
        yield


@contextmanager
def slide_style() -> Iterator[None]:
    """The same for figures of the size `SLIDE`, with text that fits it."""
    with mpl.rc_context({**_STYLE, "figure.figsize": SLIDE, "font.size": 12, "axes.titlesize": 15}):
        yield


@contextmanager
def small_style() -> Iterator[None]:
    """The same for figures of the size `SMALL`, two of which stand side by side on a printed page."""
    small: dict[Any, Any] = {
        "figure.figsize": SMALL,
        "font.size": 7.5,
        "axes.titlesize": 8.5,
        "axes.titlepad": 5,
    }
    with mpl.rc_context({**_STYLE, **small}):
        yield


def colour(position: int) -> str:
    """Colour of a series by its position."""
    return COLOURS[position % len(COLOURS)]


def mark(position: int) -> str:
    """Shape of a series by its position, for who sees no colours."""
    return MARKS[position % len(MARKS)]


def dashes(position: int) -> Any:
    """Line style of a series by its position, for who sees no colours."""
    return DASHES[position % len(DASHES)]


def note(figure: Figure, text: str) -> None:
    """A line below a figure: what is not drawn, and why."""
    if text:
        figure.supxlabel(text, fontsize=10, color=SOFT, ha="right", x=0.99)


def thousands(axis: Axis) -> None:
    """Few numbers on an axis, written as people write them."""
    axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def logarithmic(axes: Axes, low: float, high: float) -> None:
    """A logarithmic value axis whose numbers are written as people write them."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def key(axes: Axes, names: Sequence[str], positions: Sequence[int] | None = None) -> None:
    """A list of series beside the axes, in the order given, each with its line."""
    for row, name in enumerate(names):
        place = row if positions is None else positions[row]
        height = 0.97 - 0.075 * row
        axes.plot(
            [1.02, 1.06],
            [height] * 2,
            color=colour(place),
            ls=dashes(place),
            lw=2.4,
            transform=axes.transAxes,
            clip_on=False,
        )
        axes.text(1.075, height, name, transform=axes.transAxes, va="center", color=colour(place))


def short_names(models: Sequence[str]) -> dict[str, str]:
    """Model names without vendor, date and version, where that leaves them distinct."""
    short = {model: _short(model) for model in models}
    taken = list(short.values())
    return {model: name if taken.count(name) == 1 else model for model, name in short.items()}


def _short(model: str) -> str:
    name = re.sub(r"^(?:[a-z]+\.)+|^[a-z_]+/", "", model)
    return re.sub(r"(?:-\d{8})?(?:-v\d+(?::\d+)?)?$", "", name)


def horizontal_only(axes: Axes) -> None:
    """Grid and spine for a value axis below and names at the left."""
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)


def token_arrivals(arrivals_ms: Sequence[float], *, title: str) -> Figure:
    """When each chunk of a stream arrived.

    Args:
        arrivals_ms: Milliseconds from the request to each chunk with content, in order.
        title: Says what the picture shows.

    Raises:
        ValueError: Nothing arrived.
    """
    if not arrivals_ms:
        raise ValueError("no chunk arrived, nothing to draw")
    first, last, n = arrivals_ms[0], arrivals_ms[-1], len(arrivals_ms)
    with style():
        figure, axes = plt.subplots(figsize=(7.2, 3.1))
        axes.axvspan(0, first, color=SOFT, alpha=0.08, lw=0)
        axes.step([first, *arrivals_ms], range(n + 1), where="post", color=COLOURS[0], lw=1.2)
        axes.plot(arrivals_ms, range(1, n + 1), "o", color=COLOURS[0], ms=4, mec="white", mew=0.6)
        axes.annotate(
            f"first token after {first:,.0f} ms",
            (first, n),
            xytext=(7, 0),
            textcoords="offset points",
            ha="left",
            va="center",
            color=SOFT,
            fontsize=9,
        )
        rate = (n - 1) / (last - first) * 1000 if last > first else float("nan")
        axes.annotate(
            f"{n} chunks in {last:,.0f} ms\n{rate:,.0f} per second once it flows",
            (last, 0),
            xytext=(0, 9),
            textcoords="offset points",
            ha="right",
            va="bottom",
            color=COLOURS[0],
            fontsize=9,
        )
        axes.set(title=title, xlabel="ms since the request", ylabel="chunks received")
        axes.set_xlim(0, last * 1.03)
        axes.set_ylim(0, n * 1.08)
    return figure
