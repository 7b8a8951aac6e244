"""Where it leaks: a field per category and disguise, or per category and place."""

from __future__ import annotations

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


def leak_table(frame: pd.DataFrame, columns: str = "obfuscation") -> pd.DataFrame:
    """Leaks and cases, as the heat map has them.

    Args:
        frame: Records.
        columns: `obfuscation`, `place` or `language`.

    Returns:
        A row per category with cases to block or to mask, and in two levels of columns `leaks` and `of`: cases
        that leaked in any way of checking, and all of them.
    """
    rows = judged(frame)
    rows = rows[rows["expected"] != "allow"]
    if columns != "obfuscation":
        rows = rows[rows["obfuscation"] == "none"]
    cases = rows.groupby(["category", columns, "case"], observed=True)["leak"].any()
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
    leaks, of = table["leaks"], table["of"]
    overall = leaks.T.sum() / of.T.sum()
    order = overall.sort_values(ascending=False, kind="stable").index
    leaks, of = leaks.loc[order], of.loc[order]
    share = (leaks / of).astype(float)
    with plots.slide_style():
        size = (2.9 + 1.05 * len(share.columns), 1.3 + 0.36 * len(share))
        figure, axes = plt.subplots(figsize=size)
        axes.imshow(share.to_numpy(), cmap=_SHADES, vmin=0, vmax=1, aspect="auto")
        for row in range(len(share)):
            for column in range(len(share.columns)):
                if of.iloc[row, column] > 0:
                    dark = share.iloc[row, column] > 0.6
                    axes.text(
                        column,
                        row,
                        f"{leaks.iloc[row, column]:.0f} of {of.iloc[row, column]:.0f}",
                        ha="center",
                        va="center",
                        fontsize=10,
                        color="white" if dark else plots.INK,
                    )
        axes.set_xticks(range(len(share.columns)), [str(name) for name in share.columns])
        axes.set_yticks(range(len(share)), [str(name) for name in share.index])
        axes.xaxis.tick_top()
        axes.grid(visible=False)
        for side in axes.spines.values():
            side.set_visible(False)
        figure.suptitle(f"Leaks by category and {_TITLES[columns]}", x=0.01, ha="left", fontsize=15)
    return plots.Picture(figure, f"leaks-{columns}", _alt(leaks, of, columns))


def _alt(leaks: pd.DataFrame, of: pd.DataFrame, columns: str) -> str:
    worst = [
        f"{name} {leaks.loc[name].sum():.0f} of {of.loc[name].sum():.0f}"
        for name in leaks.index[:5]
    ]
    by = [f"{name} {leaks[name].sum():.0f} of {of[name].sum():.0f}" for name in leaks.columns]
    return (
        f"Leaks by category and {_TITLES[columns]}. Leakiest: {', '.join(worst) or 'nothing asked'}."
        f" By {_TITLES[columns]}: {', '.join(by)}"
    )
