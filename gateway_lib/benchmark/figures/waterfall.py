"""Where the time until an answer began went: client, network, middleware, LiteLLM, provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib import pyplot as plt

from gateway_lib import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PARTS = ("client", "network", "middleware", "LiteLLM", "provider")
_SHADES = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#C9CED4")
_HATCHES = ("", "//", "", "..", "")


def shares(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean milliseconds of each part until the answer began, by model; and `n`.

    Means, because only means of parts add up to that of the whole. Of requests that succeeded and for
    which LiteLLM told its parts. LiteLLM's is what the middleware waited for it, less the provider's; where
    the middleware does not tell, LiteLLM's own count, which leaves out its web server. What none of them
    accounts for is the network's. Clocks that do not quite agree can make a part a hair less than nought:
    then it is nought.
    """
    known = frame[frame["ok"]].dropna(subset=["first_byte_s", "litellm_ms", "provider_ms"])
    middleware = known["middleware_ms"].astype(float).fillna(0.0)
    waited = known["upstream_ms"].astype(float) - known["provider_ms"]
    litellm = waited.where(waited >= known["litellm_ms"], known["litellm_ms"])
    began = (known["first_byte_s"] - known["sent_s"]) * 1000
    parts = pd.DataFrame(
        {
            "model": known["model"],
            "client": known["lag_ms"],
            "network": began - middleware - litellm - known["provider_ms"],
            "middleware": middleware,
            "LiteLLM": litellm,
            "provider": known["provider_ms"],
        }
    )
    means = parts.groupby("model", observed=True)[list(PARTS)].mean().clip(lower=0)
    means["n"] = parts.groupby("model", observed=True).size()
    return means


def waterfall(frame: pd.DataFrame) -> plots.Picture:
    """Mean time of each part until an answer began, on the left all of it, on the right the overhead."""
    means = shares(frame)
    models = sorted(map(str, frame["model"].unique()))
    names = plots.short_names(models)
    with plots.slide_style():
        height = max(3.4, 2.0 + 0.7 * max(1, len(means)))
        figure, (whole, ours) = plt.subplots(1, 2, figsize=(plots.SLIDE[0], height), sharey=True)
        _bars(whole, means, PARTS)
        _bars(ours, means, PARTS[:-1])
        whole.set(title="Until the answer began", xlabel="ms, mean")
        ours.set(title="The same without the provider", xlabel="ms, mean")
        whole.set_yticks(range(len(means)), [names[model] for model in means.index])
        whole.tick_params(axis="y", labelcolor=plots.INK)
        whole.set_ylim(-0.6, len(means) - 0.4)
        handles, labels = whole.get_legend_handles_labels()
        if not frame["middleware_ms"].notna().any():
            labels[1:3] = ["network and middleware", "middleware, not told"]
        figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
        if not len(means):
            whole.text(
                0.5,
                0.5,
                "the gateway told no parts",
                transform=whole.transAxes,
                ha="center",
                color=plots.SOFT,
            )
    words = [
        f"{names[str(model)]} {', '.join(f'{part} {row[part]:.1f} ms' for part in PARTS)}"
        for model, row in means.iterrows()
    ]
    alt = (
        f"Mean time until the answer began, by part: {'; '.join(words) or 'the gateway told none'}"
    )
    return plots.Picture(figure, "overhead", alt)


def _bars(axes: Axes, means: pd.DataFrame, parts: tuple[str, ...]) -> None:
    left = pd.Series(0.0, index=means.index)
    for part in parts:
        place = PARTS.index(part)
        axes.barh(
            range(len(means)),
            means[part],
            left=left,
            height=0.55,
            color=_SHADES[place],
            hatch=_HATCHES[place],
            edgecolor="white",
            label=part,
        )
        left += means[part]
    for row, total in enumerate(left):
        axes.annotate(f" {total:,.1f}", (total, row), va="center", color=plots.INK)
    plots.thousands(axes.xaxis)
    axes.set_xlim(0, float(left.max() if len(left) else 1) * 1.28)
    plots.horizontal_only(axes)
