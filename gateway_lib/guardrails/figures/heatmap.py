"""Where it leaks: a field per category and disguise, or per category and place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.colors import LinearSegmentedColormap

from gateway_lib import plots
from gateway_lib.guardrails.scoring import judged

_SHADES = LinearSegmentedColormap.from_list(
    "leaks", ["#eef3f7", plots.COLOURS[4], plots.COLOURS[1]]
)
_TITLES = {"obfuscation": "disguise", "place": "place in the request", "language": "language"}
_FIRST = ("none", "user", "en")
Numbers = npt.NDArray[np.float64]


def leak_table(frame: pd.DataFrame, columns: str = "obfuscation") -> pd.DataFrame:
    """Leaks and cases, as the heat map has them.

    Args:
        frame: Records.
        columns: `obfuscation`, `place` or `language`.

    Returns:
        A row per category with cases to block or to mask, and in two levels of columns `leaks`, cases that
        leaked in any way of checking, and `of`, all of them; empty where there is no such case.
    """
    rows = judged(frame)
    rows = rows[rows["expected"] != "allow"]
    if columns != "obfuscation":
        rows = rows[rows["obfuscation"] == "none"]
    cases = rows.groupby(["category", columns, "case"], observed=True)["leak"].any()
    if cases.empty:
        return pd.DataFrame()
    grouped = cases.groupby(level=["category", columns], observed=True)
    table = grouped.agg(leaks="sum", of="size").unstack()
    names = sorted(rows[columns].unique(), key=lambda name: (name not in _FIRST, name))
    return table.reindex(columns=pd.MultiIndex.from_product([["leaks", "of"], names]))


def heatmap(frame: pd.DataFrame, columns: str = "obfuscation") -> plots.Picture:
    """Leak rate of each category, by disguise or by place; the leakiest category on top.

    A field says how many of how many cases leaked in any way of checking; an empty one has no case. By
    place and language only undisguised cases count.

    Args:
        frame: Records.
        columns: As for `leak_table`.
    """
    table = leak_table(frame, columns)
    title = f"Leaks by category and {_TITLES[columns]}"
    if table.empty:
        return _nothing(title, f"leaks-{columns}")
    leaks, of = (table.xs(part, axis=1).to_numpy(dtype=float) for part in ("leaks", "of"))
    overall = np.nansum(leaks, axis=1) / np.nansum(of, axis=1)
    order = np.argsort(-overall, kind="stable")
    leaks, of = leaks[order], of[order]
    rows = [str(table.index[place]) for place in order]
    names = [str(name) for name in table["of"].columns]
    with plots.slide_style():
        size = (2.9 + 1.05 * len(names), 1.3 + 0.36 * len(rows))
        figure, axes = plt.subplots(figsize=size)
        axes.imshow(leaks / of, cmap=_SHADES, vmin=0, vmax=1, aspect="auto")
        for row, column in zip(*np.nonzero(np.isfinite(of)), strict=True):
            leaked, cases = leaks[row, column], of[row, column]
            ink = "white" if leaked > 0.6 * cases else plots.INK
            label = f"{leaked:.0f} of {cases:.0f}"
            axes.text(column, row, label, ha="center", va="center", fontsize=10, color=ink)
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks(range(len(rows)), rows)
        axes.xaxis.tick_top()
        axes.grid(visible=False)
        for side in axes.spines.values():
            side.set_visible(False)
        figure.suptitle(title, x=0.01, ha="left", fontsize=15)
    worst = _said(rows, leaks, of, axis=1)[:5]
    by = _said(names, leaks, of, axis=0)
    alt = f"{title}. Leakiest: {', '.join(worst)}. By {_TITLES[columns]}: {', '.join(by)}"
    return plots.Picture(figure, f"leaks-{columns}", alt)


def _nothing(title: str, name: str) -> plots.Picture:
    told = "no case to block or mask with an outcome"
    with plots.slide_style():
        figure, axes = plt.subplots(figsize=(6, 1.6))
        axes.text(0.5, 0.5, told, ha="center", va="center", color=plots.INK)
        axes.set_axis_off()
        figure.suptitle(title, x=0.01, ha="left", fontsize=15)
    return plots.Picture(figure, name, f"{title}: {told}")


def _said(names: list[str], leaks: Numbers, of: Numbers, *, axis: int) -> list[str]:
    pairs = zip(np.nansum(leaks, axis=axis), np.nansum(of, axis=axis), strict=True)
    return [f"{name} {a:.0f} of {b:.0f}" for name, (a, b) in zip(names, pairs, strict=True)]
