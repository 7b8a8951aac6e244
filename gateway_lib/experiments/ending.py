"""What becomes of an experiment once its memo is read: it goes on, is stopped, or an arm is promoted."""

from __future__ import annotations

from typing import Any

from gateway_lib.errors import ExperimentError
from gateway_lib.experiments.live import Live
from gateway_lib.experiments.results import Analysis

WAYS = ("memo", "stop", "promote")


def known_way(decide: str) -> str:
    """The way, where there is such a one; asked before anything is started.

    Raises:
        ExperimentError: There is none.
    """
    if decide not in WAYS:
        raise ExperimentError(f"decide is one of {', '.join(WAYS)}, not {decide!r}")
    return decide


def carry_out(
    live: Live, name: str, decide: str, analysis: Analysis | None, run: str
) -> dict[str, Any]:
    """Do what was decided, whatever the verdict is; the experiment as it is then.

    Args:
        live: The gateway's experiments.
        name: Of the experiment.
        decide: `memo` to go on, `stop` for the control, `promote` for the arm that the verdict is about.
        analysis: What was found; None before there is a call.
        run: Where it was decided, for the reason that is kept.

    Raises:
        ExperimentError: There is no such way, or no analysis to promote by.
        ExperimentRefused: The gateway does not do it.
    """
    if known_way(decide) == "stop":
        live.stop(name, f"decided in run {run}")
    elif decide == "promote":
        if analysis is None:
            raise ExperimentError(f"{name}: no call of it has come yet, so no arm is promoted")
        live.promote(name, analysis.verdict.arm)
    return live.status(name)
