"""Looking for the load that a gateway carries: up to the knee, or as far as objectives are met.

Both are open loops of growing rate, each trial a run of its own that begins when the one before has been
answered to its end. A trial whose meter was overloaded ends the search: what comes after it could not be
told from the meter's own limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from math import sqrt

import pandas as pd

from gateway_lib.benchmark.meter.series import in_series
from gateway_lib.benchmark.meter.workers import Progress, run
from gateway_lib.benchmark.plan.loads import Burst, Constant, Poisson
from gateway_lib.benchmark.plan.slo import Goodput, Slo, goodput
from gateway_lib.benchmark.plan.spec import Spec
from gateway_lib.benchmark.records.story import about
from gateway_lib.benchmark.results.steps import Knee, knee, saturated, steps
from gateway_lib.errors import SpecError
from gateway_lib.settings import Settings

Trial = Callable[[float], pd.DataFrame]
"""Measures at a rate, in requests per second."""


def trials(spec: Spec, settings: Settings | None = None, progress: Progress | None = None) -> Trial:
    """Trials of a spec: its one load, in an open loop, at other rates.

    Each trial has a seed of its own (the spec's, and one more for every trial), so that trials of one
    rate are independent of each other.

    Raises:
        SpecError: The spec has several loads, or one that has no rate.
    """
    [load, *more] = spec.load
    if more or not isinstance(load, Poisson | Constant | Burst):
        raise SpecError("load: a sweep or a search needs one load that has a rate_rps")
    numbers = count()

    def trial(rate: float) -> pd.DataFrame:
        changed = {**load.model_dump(), "rate_rps": rate}
        return run(spec.with_(load=changed, seed=spec.seed + next(numbers)), settings, progress)

    return trial


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep found, and the table of all it tried."""

    knee: Knee
    frame: pd.DataFrame


def sweep(trial: Trial, start: float, *, factor: float = 1.5, most: int = 12) -> Sweep:
    """Raise the rate step by step until the gateway falls behind, and name the knee.

    Args:
        trial: Measures at a rate.
        start: The first rate.
        factor: Of one rate to the one before.
        most: Steps.
    """
    frames: list[pd.DataFrame] = []
    behind = 0
    for number in range(most):
        frames.append(trial(start * factor**number))
        story = about(frames[-1])
        behind += saturated(steps(frames[-1]).iloc[0])
        # a second step beyond saturation shows that the first was no accident
        if behind == 2 or not story.valid or story.interrupted:
            break
    frame = in_series(frames)
    return Sweep(knee(steps(frame)), frame)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        rate_rps: Highest rate at which the objectives were shown to be met; null if there was none.
        fails_rps: Lowest rate at which they were shown not to be; null if there was none.
        undecided_rps: Rates between at which it could not be told.
        said: In a sentence.
        frame: The table of all trials.
    """

    rate_rps: float | None
    fails_rps: float | None
    undecided_rps: tuple[float, ...]
    said: str
    frame: pd.DataFrame


@dataclass(slots=True)
class _State:
    meets: float | None = None
    fails: float | None = None
    undecided: tuple[float, ...] = ()
    stopped: str = ""


def search(
    trial: Trial,
    slo: Slo,
    start: float,
    *,
    precision: float = 0.1,
    most: int = 12,
    repeats: int = 3,
) -> Found:
    """Look for the highest rate that meets objectives: double or halve, then close in.

    A trial decides when the interval of its share of good requests lies on one side of the share asked
    for. One that does not decide is measured again, and its requests count together, `repeats` times at
    most; a rate that stays undecided ends the search, since rates beside it would be no clearer.

    Args:
        trial: Measures at a rate.
        slo: What to meet.
        start: The first rate.
        precision: Of the answer: the rates that meet and fail are this close, relative to each other.
        most: Rates to try.
        repeats: Trials of one rate.
    """
    state, frames, rate = _State(), [], start
    for _ in range(most):
        tried = _try(trial, slo, rate, repeats, state)
        frames += tried
        close = state.meets and state.fails and state.fails <= state.meets * (1 + precision)
        if state.stopped or close:
            break
        rate = _next(state, rate)
    return Found(state.meets, state.fails, state.undecided, _said(state, slo), in_series(frames))


def _try(trial: Trial, slo: Slo, rate: float, repeats: int, state: _State) -> list[pd.DataFrame]:
    frames: list[pd.DataFrame] = []
    for _ in range(repeats):
        frames.append(trial(rate))
        story = about(frames[-1])
        if story.interrupted or not story.valid:
            why = "it was interrupted" if story.interrupted else story.invalid[0]
            state.stopped = f"stopped at {rate:g}/s: {why}"
            return frames
        verdict = _pooled(frames, slo).meets(slo)
        if verdict is True:
            state.meets = max(rate, state.meets or 0.0)
            return frames
        if verdict is False:
            state.fails = min(rate, state.fails or rate)
            return frames
    state.undecided = (*state.undecided, rate)
    state.stopped = f"cannot tell at {rate:g}/s: {_shares(frames, slo)}"
    return frames


def _pooled(frames: list[pd.DataFrame], slo: Slo) -> Goodput:
    return goodput(in_series(frames), slo)


def _shares(frames: list[pd.DataFrame], slo: Slo) -> str:
    share = _pooled(frames, slo).share
    low, high = share.low or 0.0, share.high or 1.0
    return f"{share.value:.1%} [{low:.1%}, {high:.1%}] good of {share.n}, {slo.share:.0%} asked for"


def _next(state: _State, rate: float) -> float:
    if state.meets is None:
        return rate / 2
    if state.fails is None:
        return rate * 2
    return sqrt(state.meets * state.fails)


def _said(state: _State, slo: Slo) -> str:
    met = f"met at {state.meets:.3g}/s" if state.meets else "not met at any rate tried"
    failed = f", not at {state.fails:.3g}/s" if state.fails else ""
    return f"{met}{failed}{f'; {state.stopped}' if state.stopped else ''}"
