"""What the experiment itself has cost, and what the control would have asked for the same calls."""

from __future__ import annotations

from matplotlib import pyplot as plt

from gateway_lib import plots
from gateway_lib.experiments.figures.canvas import shade, styled
from gateway_lib.experiments.results import Analysis


def cost(analysis: Analysis, *, small: bool = False) -> plots.Picture:
    """Dollars of each arm; the mark is what as many calls would have cost at the control's price.

    Args:
        analysis: What is drawn.
        small: For the memo.
    """
    words = []
    with styled(small):
        figure, axes = plt.subplots()
        most = max((each.cost_usd for each in analysis.costs), default=0.0) or 1.0
        for row, each in enumerate(reversed(analysis.costs)):
            colour = shade(analysis.arms, each.arm)
            axes.barh(row, each.cost_usd, color=colour, alpha=0.45, height=0.55)
            text = f"{each.arm}  ${each.cost_usd:,.4g} for {each.calls:,} calls"
            axes.text(most * 0.015, row, text, va="center", color=plots.INK)
            words.append(f"{each.arm} ${each.cost_usd:,.4g} for {each.calls:,} calls")
            if each.at_control_usd is not None and each.arm != analysis.arms[0]:
                axes.plot(
                    [each.at_control_usd] * 2, [row - 0.34, row + 0.34], color=plots.INK, lw=2
                )
        axes.set_yticks([])
        axes.set(
            title="Cost of the experiment", xlabel="$ (bar: the same calls at the control's price)"
        )
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.4g}")
        axes.set_xlim(left=0)
        plots.horizontal_only(axes)
    total = sum(each.cost_usd for each in analysis.costs)
    return plots.Picture(
        figure, "cost", f"Cost of the experiment, ${total:,.4g}: {'; '.join(words)}"
    )
