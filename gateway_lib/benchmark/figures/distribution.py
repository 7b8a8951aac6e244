"""Which share of the requests was answered after how long: the ECDF of a time, by model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.ticker import PercentFormatter

from gateway_lib import plots
from gateway_lib.benchmark.results.metrics import times

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {
    "ttft_ms": "Time to first token",
    "total_ms": "Time to the whole answer",
    "itl_ms": "Time between tokens",
}
_POINTS = 1500
_LONG_TAIL = 30


def distribution(frame: pd.DataFrame, column: str = "ttft_ms") -> plots.Picture:
    """ECDF of a time; a curve that ends below the top shows the share that failed.

    Args:
        frame: Records.
        column: `ttft_ms`, `total_ms` or `itl_ms`.
    """
    models = sorted(map(str, frame["model"].unique()))
    samples = {m: np.sort(times(frame[frame["model"] == m], column)) for m in models}
    samples = {m: values for m, values in samples.items() if len(values)}
    order = sorted(samples, key=lambda m: float(samples[m][(len(samples[m]) - 1) // 2]))
    names = plots.short_names(models)
    with plots.slide_style():
        figure, axes = plt.subplots()
        labels, words, ends = [], [], []
        for model in order:
            values, place = samples[model], models.index(model)
            finite = values[np.isfinite(values)]
            failed = 1 - len(finite) / len(values)
            words.append(f"{names[model]} {_words(values)}")
            labels.append(names[model] + (f", {failed * 100:.1f} % failed" if failed else ""))
            if not len(finite):
                continue
            ends += [finite[0], finite[int((len(finite) - 1) * 0.999)]]
            picked = np.unique(np.linspace(0, len(finite) - 1, _POINTS).astype(int))
            axes.step(
                finite[picked],
                (picked + 1) / len(values),
                where="post",
                color=plots.colour(place),
                ls=plots.dashes(place),
                lw=2.2,
            )
        plots.key(axes, labels, [models.index(model) for model in order])
        _axes(axes, column, ends)
    name = column.removesuffix("_ms")
    alt = f"{TITLES[column]}, share of requests by time; median and p95: {'; '.join(words)}"
    return plots.Picture(figure, f"distribution-{name}", alt)


def _axes(axes: Axes, column: str, ends: list[float]) -> None:
    axes.set(title=TITLES[column], xlabel="ms", ylabel="share of requests", ylim=(0, 1.01))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for height in (0.5, 0.95):
        axes.axhline(height, color=plots.SOFT, lw=0.8, ls=":")
        axes.text(
            0.01,
            height,
            f"p{height * 100:.0f}",
            va="bottom",
            color=plots.SOFT,
            fontsize=10,
            transform=axes.get_yaxis_transform(),
        )
    if not ends:
        return
    low, high = min(ends), max(ends)
    if low > 0 and high / low > _LONG_TAIL:
        plots.logarithmic(axes, low, high)
        axes.set_xlabel("ms, logarithmic")
    else:
        axes.set_xlim(0, high * 1.02)
        plots.thousands(axes.xaxis)


def _words(ordered: np.ndarray) -> str:
    p50, p95 = (float(ordered[int(np.ceil(q * len(ordered))) - 1]) for q in (0.5, 0.95))
    said = [f"{value:,.0f} ms" if np.isfinite(value) else "never" for value in (p50, p95)]
    return " and ".join(said)
