"""Pictures of a deployment: what is deployed and how its parts hang together, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib import pyplot as plt
from matplotlib.patches import FancyBboxPatch

from gateway_lib import plots
from gateway_lib.deploy.cost import Estimate
from gateway_lib.deploy.site import Target

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Box = tuple[float, float, float, float, str, str, int]
"""Left, bottom, width, height, title, words below it, colour; -1 is a frame around others."""
Arrow = tuple[float, float, float, float]

_FRAME = -1
_SOFT = -2

_ON_AWS: tuple[Box, ...] = (
    (2.15, 0.15, 9.0, 5.3, "AWS account, one region, two availability zones", "", _FRAME),
    (4.1, 0.3, 5.15, 4.6, "private subnets", "", _FRAME),
    (0.1, 2.75, 1.75, 1.1, "clients", "OpenAI SDK, boto3,\ncurl, browser", _SOFT),
    (2.35, 2.75, 1.55, 1.1, "load balancer", "https, firewall", 5),
    (4.35, 3.35, 2.05, 1.1, "middleware", "port 3000", 0),
    (4.35, 1.95, 2.05, 1.1, "LiteLLM", "port 4000, same task", 0),
    (7.1, 3.35, 1.95, 1.1, "Aurora", "PostgreSQL, two\ndatabases", 2),
    (7.1, 1.95, 1.95, 1.1, "Redis", "TLS, password", 2),
    (9.45, 3.35, 1.55, 1.1, "secrets, key", "encrypted", 4),
    (9.45, 1.95, 1.55, 1.1, "S3", "records of calls,\nruns", 4),
    (4.35, 0.45, 2.05, 0.95, "evaluate", "notebooks, nightly", 3),
    (9.45, 0.45, 1.55, 0.95, "alarms, logs", "CloudWatch", 4),
    (11.4, 2.75, 1.6, 1.1, "models", "Bedrock, OpenAI,\nAnthropic, ...", _SOFT),
)
_ON_AWS_ARROWS: tuple[Arrow, ...] = (
    (1.85, 3.3, 2.35, 3.3),
    (3.9, 3.3, 4.35, 3.8),
    (5.4, 3.35, 5.4, 3.05),
    (6.4, 3.9, 7.1, 3.9),
    (6.4, 2.5, 7.1, 2.5),
)
_HERE: tuple[Box, ...] = (
    (2.15, 0.4, 8.2, 3.35, "this machine", "", _FRAME),
    (0.1, 2.15, 1.75, 1.1, "clients", "OpenAI SDK, boto3,\ncurl, notebooks", _SOFT),
    (2.5, 2.15, 2.1, 1.1, "middleware", "http and https", 0),
    (5.2, 2.15, 2.1, 1.1, "LiteLLM", "real, with database", 0),
    (2.5, 0.75, 2.1, 1.0, "PostgreSQL", "two databases", 2),
    (5.2, 0.75, 2.1, 1.0, "Redis", "password", 2),
    (8.0, 2.15, 2.1, 1.1, "model simulator", "OpenAI and Bedrock", 3),
)
_HERE_ARROWS: tuple[Arrow, ...] = (
    (1.85, 2.7, 2.5, 2.7),
    (4.6, 2.7, 5.2, 2.7),
    (7.3, 2.7, 8.0, 2.7),
    (3.55, 2.15, 3.55, 1.75),
    (6.25, 2.15, 6.25, 1.75),
)


def diagram(target: str) -> Figure:
    """What a deployment to the target consists of, and who calls whom.

    Args:
        target: `local`, `dev` or `prod`.
    """
    here = target == Target.LOCAL
    boxes, arrows = (_HERE, _HERE_ARROWS) if here else (_ON_AWS, _ON_AWS_ARROWS)
    wide, high = (10.6, 3.9) if here else (13.2, 5.7)
    with plots.style():
        figure, axes = plt.subplots(figsize=(9.6, 9.6 * high / wide))
        axes.set(xlim=(0, wide), ylim=(0, high), aspect="equal")
        axes.axis("off")
        for box in boxes:
            _draw(axes, box)
        for x, y, to_x, to_y in arrows:
            axes.annotate(
                "",
                (to_x, to_y),
                xytext=(x, y),
                arrowprops={"arrowstyle": "-|>", "color": plots.SOFT, "lw": 1.1, "shrinkA": 1},
            )
        if not here:
            _to_the_models(axes)
        axes.set_title("The gateway on this machine" if here else f"The gateway in {target}")
    return figure


def _to_the_models(axes: Axes) -> None:
    """LiteLLM's way out, around what lies between: through the NAT gateways."""
    path: dict[str, Any] = {"color": plots.SOFT, "lw": 1.1}
    axes.plot([5.9, 5.9, 11.28, 11.28], [1.95, 1.66, 1.66, 3.0], **path)
    axes.annotate(
        "",
        (11.4, 3.0),
        xytext=(11.2, 3.0),
        arrowprops={"arrowstyle": "-|>", "color": plots.SOFT, "lw": 1.1},
    )
    axes.text(6.75, 1.62, "NAT gateways", color=plots.SOFT, fontsize=7.5, va="top")


def _draw(axes: Axes, box: Box) -> None:
    left, bottom, width, height, title, words, colour = box
    frame = colour == _FRAME
    shade = plots.SOFT if colour < 0 else plots.COLOURS[colour]
    axes.add_patch(
        FancyBboxPatch(
            (left, bottom),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.09",
            facecolor="#f7f8fa" if frame else "white",
            edgecolor=plots.LINE if frame else shade,
            lw=1.0 if frame else 1.4,
            ls="--" if frame else "-",
            zorder=0 if frame else 2,
        )
    )
    if frame:
        axes.text(
            left + 0.12, bottom + height - 0.12, title, color=plots.SOFT, fontsize=8, va="top"
        )
        return
    middle = left + width / 2
    lift = 0.2 if "\n" in words else 0.13
    axes.text(
        middle,
        bottom + height / 2 + lift,
        title,
        ha="center",
        va="center",
        fontsize=9,
        fontweight="bold",
        zorder=3,
    )
    axes.text(
        middle,
        bottom + height / 2 - lift,
        words,
        ha="center",
        va="center",
        fontsize=7.5,
        color=plots.SOFT,
        zorder=3,
        linespacing=1.15,
    )


def diagram_alt(target: str) -> str:
    """What `diagram` shows, in words."""
    if target == Target.LOCAL:
        return (
            "Clients call the middleware, the middleware calls LiteLLM, LiteLLM the model simulator; both"
            " use PostgreSQL and Redis, all on this machine"
        )
    return (
        f"The gateway in {target}: clients call the load balancer over https, behind a firewall; it calls the"
        " middleware, which calls LiteLLM in the same task, which calls the models through NAT gateways."
        " Both use Aurora and Redis in private subnets; beside them secrets, S3 for records of calls,"
        " alarms and logs, and the nightly evaluation"
    )


def cost_chart(estimates: Sequence[Estimate]) -> Figure:
    """What each environment costs in a month at rest, by group; beside it what it comes to scaled out.

    Raises:
        ValueError: There is nothing to draw.
    """
    shown = [estimate for estimate in estimates if estimate.lines]
    if not shown:
        raise ValueError("no estimate with a line in it")
    groups = _groups(shown)
    with plots.style():
        figure, axes = plt.subplots(figsize=(9.2, 1.7 + 0.36 * len(groups) * len(shown)))
        thick = 0.8 / len(shown)
        for place, estimate in enumerate(shown):
            offsets = [row + (place - (len(shown) - 1) / 2) * thick for row in range(len(groups))]
            rest, most = _sums(estimate, groups)
            shade = plots.colour(place)
            axes.barh(offsets, rest, thick * 0.84, color=shade, label=_label(estimate))
            for y, low, high in zip(offsets, rest, most, strict=True):
                up_to = f", up to ${high:,.0f} scaled out" if high > low * 1.05 else ""
                axes.annotate(
                    f"${low:,.0f}{up_to}",
                    (low, y),
                    xytext=(5, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8.5,
                    color=shade,
                    parse_math=False,
                )
        axes.set_yticks(range(len(groups)), groups)
        axes.invert_yaxis()
        axes.set_xlim(0, max(max(_sums(e, groups)[0]) for e in shown) * 1.35)
        axes.xaxis.set_major_formatter(lambda value, _: f"\\${value:,.0f}")
        axes.set(title="Cost of a month at rest, by resource", xlabel=_axis(shown[0]))
        axes.legend(loc="lower right", frameon=False)
        plots.horizontal_only(axes)
    return figure


def _label(estimate: Estimate) -> str:
    together = f"\\${estimate.usd:,.0f} at rest, \\${estimate.most_usd:,.0f} scaled out all month"
    return f"{estimate.environment}: {together}"


def _axis(estimate: Estimate) -> str:
    prices = estimate.prices
    checked = f"checked {prices.checked}" if prices.checked else "not checked since"
    return f"US dollars; list prices of {prices.region} as of {prices.as_of}, {checked}"


def _groups(estimates: Sequence[Estimate]) -> list[str]:
    """Groups, the dearest first."""
    names = {line.group for estimate in estimates for line in estimate.lines}
    return sorted(names, key=lambda name: -sum(_sums(e, [name])[0][0] for e in estimates))


def _sums(estimate: Estimate, groups: Sequence[str]) -> tuple[list[float], list[float]]:
    lines = estimate.lines
    rest = [sum(x.usd or 0.0 for x in lines if x.group == name) for name in groups]
    most = [sum(x.most_usd or 0.0 for x in lines if x.group == name) for name in groups]
    return rest, most


def cost_alt(estimates: Sequence[Estimate]) -> str:
    """What `cost_chart` shows, in words."""
    parts = []
    for estimate in estimates:
        groups = _groups([estimate]) if estimate.lines else []
        rest, most = _sums(estimate, groups)
        told = ", ".join(
            f"{name} ${low:,.0f}" + (f" to ${high:,.0f}" if high > low * 1.05 else "")
            for name, low, high in zip(groups, rest, most, strict=True)
        )
        if told:
            parts.append(
                f"{estimate.environment} ${estimate.usd:,.0f} to ${estimate.most_usd:,.0f}: {told}"
            )
    return f"Cost of a month. {'; '.join(parts)}"
