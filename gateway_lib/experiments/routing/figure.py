"""Shares for people: a table to read, and a picture of each with its interval."""

from __future__ import annotations

import pandas as pd
from matplotlib import pyplot as plt

from gateway_lib import plots
from gateway_lib.experiments.routing.shares import CONFIDENCE, REFUSED

_SMALL = 1e-4


def routing_table(split: pd.DataFrame) -> pd.DataFrame:
    """`shares`, or what `routing_checks` found, with its numbers written as people write them."""
    readable = pd.DataFrame(index=split.index)
    if "says" in split:
        readable["configured"] = split["says"]
    readable["calls"] = split["calls"].map("{:,}".format)
    readable["share"] = [_percent(row) for row in split.itertuples()]
    readable["to be"] = split["expected"].map(lambda one: "" if pd.isna(one) else f"{one:.1%}")
    readable["p"] = split["p"].map(_probability)
    readable["beyond"] = split["beyond"].map(lambda one: "" if pd.isna(one) else f"{one:+.0f}")
    readable["after another"] = split["fell_back"].map("{:,}".format)
    return readable


def split_figure(
    split: pd.DataFrame, *, title: str, name: str = "split", confidence: float = CONFIDENCE
) -> plots.Picture:
    """Each deployment's share with its interval, and a line where it was to be.

    Args:
        split: Of `shares`, made with the same confidence.
        title: Says what the picture shows.
        name: Of its file.
        confidence: Of the intervals.
    """
    labels = plots.short_names([str(one) for one in split.index])
    with plots.style():
        figure, axes = plt.subplots(figsize=(7.2, 1.3 + 0.55 * len(split)))
        for place, (answered_by, row) in enumerate(split.iterrows()):
            shade = plots.SOFT if answered_by == REFUSED else plots.colour(place)
            axes.plot(
                [100 * row["low"], 100 * row["high"]], [place] * 2, color=shade, lw=4, alpha=0.3
            )
            axes.plot(100 * row["share"], place, plots.mark(place), color=shade, ms=8)
            if not pd.isna(row["expected"]):
                axes.plot(
                    [100 * row["expected"]] * 2, [place - 0.3, place + 0.3], color=plots.INK, lw=1.4
                )
        axes.set_yticks(range(len(split)), [labels[str(one)] for one in split.index])
        axes.set_ylim(len(split) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        axes.set(title=title, xlabel="% of the calls")
        plots.horizontal_only(axes)
        total = int(split["calls"].sum())
        plots.note(
            figure, f"{total:,} calls, {confidence:.0%} intervals; black: where it was to be"
        )
    said = "; ".join(
        f"{one}: {_percent(row)}" for one, row in zip(split.index, split.itertuples(), strict=True)
    )
    return plots.Picture(
        figure,
        name,
        f"{title}. Share of {total:,} calls with its {confidence:.0%} interval: {said}",
    )


def _percent(row: object) -> str:
    share, low, high = (getattr(row, name) for name in ("share", "low", "high"))
    return "" if pd.isna(share) else f"{share:.1%} ({low:.1%} to {high:.1%})"


def _probability(p: float) -> str:
    if pd.isna(p):
        return ""
    return f"< {_SMALL:.4f}" if p < _SMALL else f"{p:.3f}"
