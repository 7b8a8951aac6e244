"""How sure an answer is after how many units, before there is any."""

from __future__ import annotations

from matplotlib import pyplot as plt
from matplotlib.ticker import PercentFormatter

from gateway_lib import plots
from gateway_lib.experiments.figures.canvas import styled
from gateway_lib.experiments.results import Plan


def power(plan: Plan, *, small: bool = False) -> plots.Picture:
    """Chance to find a difference of the MDE by the units that came; the mark is what is planned.

    Args:
        plan: What is drawn.
        small: For the memo.
    """
    units = [point[0] for point in plan.curve]
    with styled(small):
        figure, axes = plt.subplots()
        axes.plot(units, [point[1] for point in plan.curve], color=plots.COLOURS[0], lw=2.2)
        axes.axhline(plan.power, color=plots.SOFT, lw=1, ls=":")
        axes.plot(plan.units, plan.power, "o", color=plots.COLOURS[1], ms=9, mec="white")
        axes.annotate(
            f"{plan.units:,} units, {plan.calls:,} calls",
            (plan.units, plan.power),
            xytext=(10, -14),
            textcoords="offset points",
            color=plots.COLOURS[1],
        )
        axes.set(
            title=f"Power to find the MDE of {plan.metric.replace('_', ' ')}",
            xlabel="units of all arms together",
            ylabel="chance to find it",
            ylim=(0, 1.02),
        )
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        plots.thousands(axes.xaxis)
    alt = f"{plan.units:,} units find the MDE of {plan.metric} with a chance of {plan.power:.0%}"
    return plots.Picture(figure, "power", alt)
