"""Watching an experiment that runs, and ending it where one of its guardrails says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

from gateway_lib.errors import GatewayUnreachable, OutcomesUnusable
from gateway_lib.experiments import outcomes
from gateway_lib.experiments.analysis import analyse
from gateway_lib.experiments.live import Live
from gateway_lib.experiments.memo import headline
from gateway_lib.experiments.results import Analysis

RUNNING = "running"
MOST_MISSED = 5
"""Looks in a row that a gateway may leave without an answer."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at an experiment.

    Attributes:
        state: Of the experiment after it: running, stopped or promoted.
        calls: So far.
        analysis: None while there is too little to analyse.
        stopped_for: Guardrails for which this look has stopped it.
    """

    state: str
    calls: int
    analysis: Analysis | None
    stopped_for: tuple[str, ...] = ()

    def words(self) -> str:
        """The look in a line."""
        if self.analysis is None:
            return f"{self.calls:,} calls: too few to analyse"
        units = sum(self.analysis.n_units.values())
        said = f"{self.calls:,} calls of {units:,} units: {headline(self.analysis).lower()}"
        if self.stopped_for:
            return f"{said}; stopped, as shown violated: {', '.join(self.stopped_for)}"
        return said if self.state == RUNNING else f"{said}; the experiment is {self.state}"


def look(live: Live, name: str) -> Look:
    """Fetch, analyse, and stop the experiment where a guardrail that stops it is shown violated.

    A guardrail is looked at as often as one likes: its bounds are always-valid, under a fixed horizon too as
    long as that is not reached.

    Raises:
        ExperimentRefused: There is none of this name.
        GatewayUnreachable: The gateway does not answer.
    """
    state = str(live.status(name)["state"])
    frame = live.outcomes(name)
    analysis = analysed(frame, live.before(name, frame))
    if analysis is None or state != RUNNING or not analysis.stop:
        return Look(state, len(frame), analysis)
    violated = tuple(f"{each.metric} of {each.arm}" for each in analysis.stop)
    told = live.stop(name, f"guardrail shown violated: {', '.join(violated)}")
    return Look(str(told["state"]), len(frame), analysis, violated)


def analysed(frame: pd.DataFrame, pre: pd.DataFrame | None = None) -> Analysis | None:
    """The analysis of a table of outcomes; None while there is no call to analyse.

    Args:
        frame: Says of which experiment it is.
        pre: What is known of its units from before (`Live.before`).
    """
    experiment, _ = outcomes.about(frame)
    try:
        return analyse(frame, experiment, pre=pre)
    except OutcomesUnusable:
        return None


def watch(
    live: Live,
    name: str,
    *,
    every_s: float = 60.0,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Look]:
    """Look at once and then again and again, until the experiment runs no more.

    A gateway that has answered before may be away for a while: it is asked again at the next look.

    Args:
        live: The gateway's experiments.
        name: Of the experiment.
        every_s: Seconds from the end of a look to the next.
        pause: Waits for so many seconds.

    Raises:
        ExperimentRefused: There is none of this name.
        GatewayUnreachable: The gateway does not answer at first, or `MOST_MISSED` times in a row later.
    """
    missed = MOST_MISSED
    while True:
        try:
            found = look(live, name)
        except GatewayUnreachable:
            missed += 1
            if missed >= MOST_MISSED:
                raise
        else:
            missed = 0
            yield found
            if found.state != RUNNING:
                return
        pause(every_s)
