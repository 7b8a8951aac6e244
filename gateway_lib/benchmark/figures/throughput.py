"""What a gateway carries: latency and answers per second as the load rises, and where it bends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from gateway_lib import plots
from gateway_lib.benchmark.results.intervals import quantile_intervals
from gateway_lib.benchmark.results.metrics import times
from gateway_lib.benchmark.results.summary import in_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_QS = (0.5, 0.95)


def by_stage(frame: pd.DataFrame, column: str = "total_ms") -> pd.DataFrame:
    """A row per stage: load offered, answers per second, errors, p50 and p95 with their intervals.

    Returns:
        Indexed by stage: `load` (requests per second offered, or users), `answered_rps` (those that
        succeeded, over the time from the first due to the last answer), `errors_pct`, and `p50`, `p95` in
        milliseconds, each with `_low` and `_high`.
    """
    rows = {}
    for stage, part in in_order(frame).groupby("stage"):
        seconds = float(part["done_s"].max() - part["scheduled_s"].min())
        offered = part["rate_rps"].dropna()
        users = part["users"].dropna()
        values = times(part, column)
        row: dict[str, float | None] = {
            "load": float(offered.iloc[0] if len(offered) else users.iloc[0] if len(users) else 0),
            "answered_rps": float(part["ok"].sum()) / seconds if seconds else np.nan,
            "errors_pct": 100 * float((~part["ok"]).mean()),
        }
        for q, estimate in zip(_QS, quantile_intervals(values, _QS, in_order=True), strict=True):
            name = f"p{q * 100:.0f}"
            row |= {
                name: estimate.value,
                f"{name}_low": estimate.low,
                f"{name}_high": estimate.high,
            }
        rows[stage] = row
    return pd.DataFrame.from_dict(rows, orient="index").astype(float).sort_values("load")


def throughput(
    frame: pd.DataFrame, column: str = "total_ms", *, knee: float | None = None
) -> plots.Picture:
    """Latency against answers per second, one mark per stage of a sweep.

    Args:
        frame: Records of a run with several stages.
        column: `total_ms` or `ttft_ms`.
        knee: Load at which the curve bends, where one was found; in the unit of the stages.
    """
    stages = by_stage(frame, column)
    closed = bool(frame["users"].notna().any())
    unit = "users" if closed else "req/s offered"
    with plots.slide_style():
        figure, axes = plt.subplots()
        for place, name in enumerate(("p50", "p95")):
            shade = plots.colour(place)
            shown = stages[np.isfinite(stages[name])]
            known = shown.dropna(subset=[f"{name}_low", f"{name}_high"])
            axes.vlines(
                known["answered_rps"],
                known[f"{name}_low"],
                known[f"{name}_high"].clip(upper=shown[name].max() * 2),
                color=shade,
                lw=5,
                alpha=0.3,
            )
            axes.plot(
                shown["answered_rps"],
                shown[name],
                marker=plots.mark(place),
                ms=8,
                color=shade,
                lw=2,
                ls=plots.dashes(place),
            )
            if len(shown):
                last = shown.iloc[-1]
                axes.annotate(
                    name,
                    (last["answered_rps"], last[name]),
                    xytext=(10, 0),
                    textcoords="offset points",
                    color=shade,
                    fontweight="bold",
                    va="center",
                )
        _loads(axes, stages, unit)
        said = _mark_knee(axes, stages, knee, unit)
        axes.set(title="Latency against throughput", xlabel="answers per second", ylabel="ms")
        plots.thousands(axes.yaxis)
        axes.set_ylim(bottom=0)
        axes.set_xlim(0, (float(stages["answered_rps"].max()) or 1.0) * 1.12)
    words = [
        f"{row['load']:g} {unit}: {row['answered_rps']:.1f} answers per second, p50 {row['p50']:,.0f} ms,"
        f" p95 {row['p95']:,.0f} ms, {row['errors_pct']:.1f} % errors"
        for _, row in stages.iterrows()
    ]
    return plots.Picture(figure, "throughput", f"{'; '.join(words)}. {said}")


def _loads(axes: Axes, stages: pd.DataFrame, unit: str) -> None:
    shown = stages[np.isfinite(stages["p50"])]
    for position, (_, row) in enumerate(shown.iterrows()):
        errors = f", {row['errors_pct']:.0f} % errors" if row["errors_pct"] >= 0.5 else ""
        label = f"{row['load']:g}{f' {unit}' if position == 0 else ''}{errors}"
        axes.annotate(
            label,
            (row["answered_rps"], row["p50"]),
            xytext=(0, -15),
            fontsize=10,
            textcoords="offset points",
            ha="center",
            va="top",
            color=plots.SOFT,
        )


def _mark_knee(axes: Axes, stages: pd.DataFrame, knee: float | None, unit: str) -> str:
    if knee is None or not len(stages):
        return "No knee was found"
    nearest = stages.iloc[int((stages["load"] - knee).abs().to_numpy().argmin())]
    axes.axvline(nearest["answered_rps"], color=plots.SOFT, lw=1.2, ls=":")
    axes.text(
        nearest["answered_rps"],
        0.97,
        f"knee at {knee:g} {unit} ",
        va="top",
        ha="right",
        transform=axes.get_xaxis_transform(),
        color=plots.SOFT,
    )
    return f"Knee at {knee:g} {unit}"
