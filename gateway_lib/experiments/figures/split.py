"""Whether the units go where the weights send them: the split over time, with its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.ticker import PercentFormatter

from gateway_lib import plots
from gateway_lib.experiments.figures.canvas import over_time, shade, styled
from gateway_lib.experiments.file import Experiment

_Z99 = 2.5758293035489004
_POINTS = 300


def split(frame: pd.DataFrame, experiment: Experiment, *, small: bool = False) -> plots.Picture:
    """Share of the units that each treatment has had until each moment, with a 99 % Wilson interval.

    The dashed line is what the weights promise. A share that leaves its interval for good is a sample ratio
    mismatch; the test of it is the analysis's.

    Args:
        frame: Outcomes.
        experiment: Whose weights count.
        small: For the memo.
    """
    weights = experiment.routing.weights()
    arms = list(weights)
    first = (
        frame[frame["role"] == "answer"].sort_values("assigned_at").drop_duplicates("unit")
        if experiment.routing.mode == "split"
        else frame.sort_values("assigned_at").drop_duplicates(["unit", "arm"])
    )
    total = np.arange(1, len(first) + 1)
    words = []
    with styled(small):
        figure, axes = plt.subplots()
        for arm in arms[1:]:
            mine = np.cumsum((first["arm"] == arm).to_numpy())
            share, low, high = _wilson(mine, total)
            picked = np.unique(np.geomspace(1, max(len(total), 1), _POINTS).astype(int)) - 1
            picked = picked[picked < len(total)]
            when = first["assigned_at"].dt.tz_localize(None).to_numpy()[picked]
            colour = shade(arms, arm)
            axes.fill_between(when, low[picked], high[picked], color=colour, alpha=0.18, lw=0)
            axes.plot(when, share[picked], color=colour, lw=2)
            axes.axhline(weights[arm], color=colour, ls=(0, (4, 2)), lw=1)
            if len(total):
                words.append(
                    f"{arm} {share[-1]:.1%} of {len(total):,} units for {weights[arm]:.1%}"
                )
                axes.annotate(
                    f"{arm} {share[-1]:.1%}",
                    (when[-1], share[-1]),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    color=colour,
                    annotation_clip=False,
                )
        axes.set(title="Split of the units, with 99 % intervals", ylim=(0, 1))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        if len(first):
            span = first["assigned_at"].dt.tz_localize(None)
            over_time(axes, [span.iloc[0], span.iloc[-1]])
    return plots.Picture(
        figure, "split", f"Split of the units: {'; '.join(words) or 'no unit yet'}"
    )


def _wilson(successes: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares with Wilson's score interval (Wilson 1927)."""
    share, z2 = successes / n, _Z99**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z99 / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n**2))
    return share, middle - half, middle + half
