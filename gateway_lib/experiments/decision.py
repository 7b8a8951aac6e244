"""Ship, do not ship, or cannot tell yet: what follows from the intervals, and from them alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import norm

from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.measure import Measure
from gateway_lib.experiments.results import Effect, GuardrailResult, Refused, Verdict
from gateway_lib.experiments.wording import apart, percent

FURTHEST = 1000
"""So many times the units so far are no longer an answer to how many more."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one treatment.

    Attributes:
        arm: Name.
        primary: Its measure and effect, or why there is none.
        guardrails: Those that could be analysed, with their measures.
        refused: Guardrails that could not.
        doubts: Why it is not shipped, whatever the figures.
    """

    arm: str
    primary: tuple[Measure, Effect] | Refused
    guardrails: tuple[tuple[Measure, GuardrailResult], ...]
    refused: tuple[Refused, ...]
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: units of all arms together, and those planned, if anybody planned."""

    units: int
    planned: int | None

    @property
    def reached(self) -> bool:
        return self.planned is not None and self.units >= self.planned

    @property
    def lacking(self) -> int:
        return max(0, (self.planned or 0) - self.units)


def decide(
    experiment: Experiment,
    evidence: tuple[Evidence, ...],
    progress: Progress,
    voids: tuple[str, ...],
) -> Verdict:
    """The verdict of all treatments together.

    Args:
        experiment: Its MDE, rule and margins.
        evidence: Of each treatment.
        progress: Units.
        voids: Why the figures cannot be believed; with any, nothing is told.
    """
    if voids:
        return Verdict("cannot tell yet", evidence[0].arm, voids, None)
    verdicts = [(_one(experiment, each, progress), each) for each in evidence]
    order = ("do not ship", "cannot tell yet", "ship")
    return max(verdicts, key=lambda pair: (order.index(pair[0].decision), _improvement(pair[1])))[0]


def _one(experiment: Experiment, told: Evidence, progress: Progress) -> Verdict:
    for found, guardrail in told.guardrails:
        if guardrail.holds is False:
            reason = _violated(found, guardrail)
            return Verdict("do not ship", told.arm, (reason, *told.doubts), None)
    if isinstance(told.primary, Refused):
        reason = f"The primary metric {told.primary.metric} is not analysed: {told.primary.reason}."
        more = progress.lacking or None
        return Verdict("cannot tell yet", told.arm, (reason, *told.doubts), more)
    fixed = experiment.analysis.rule == "fixed"
    if fixed and not progress.reached:
        reason, more = _waiting(progress), progress.lacking or None
        return Verdict("cannot tell yet", told.arm, (reason, *told.doubts), more)
    found, effect = told.primary
    sentence = _primary(found, effect)
    if effect.better is False:
        return Verdict("do not ship", told.arm, (sentence, *told.doubts), None)
    held = [_held(each, guardrail) for each, guardrail in told.guardrails]
    open_guardrails = [pair for pair in told.guardrails if pair[1].holds is None]
    if effect.better and not (open_guardrails or told.refused or told.doubts):
        return Verdict("ship", told.arm, (sentence, *held), None)
    if effect.better is None and progress.reached and _excludes_mde(experiment, found, effect):
        reason = (
            f"The planned units are there, and {found.metric.name} improves by less than the MDE of "
            f"{experiment.primary.mde:.3g} of the control's."
        )
        return Verdict("do not ship", told.arm, (reason, sentence, *told.doubts), None)
    reasons = [*told.doubts, *([] if effect.better else [sentence])]
    reasons += [
        f"The guardrail {each.metric} cannot be judged: {each.reason}." for each in told.refused
    ]
    reasons += [_held(each, guardrail) for each, guardrail in open_guardrails]
    reasons += [sentence] if effect.better else []
    final = fixed or told.refused or told.doubts  # then more units do not help
    more = None if final else _more(experiment, found, effect, open_guardrails, progress)
    return Verdict("cannot tell yet", told.arm, tuple(reasons), more)


def _waiting(progress: Progress) -> str:
    if progress.planned is None:
        return (
            "Nobody said when to look: a fixed horizon takes the planned `units`, or `baseline` and "
            "`deviation` of the primary metric, before there is any traffic."
        )
    return (
        f"There are {progress.units:,} of {progress.planned:,} units: an experiment of a fixed horizon is "
        "judged once, when all are there."
    )


def _improvement(told: Evidence) -> float:
    """Of the primary metric, as a share of the control's."""
    if isinstance(told.primary, Refused):
        return -math.inf
    found, effect = told.primary
    scale = abs(effect.control_value) or 1.0
    return -effect.absolute / scale if found.metric.goal == "lower" else effect.absolute / scale


def _excludes_mde(experiment: Experiment, found: Measure, effect: Effect) -> bool:
    best = -effect.low if found.metric.goal == "lower" else effect.high
    return best < experiment.primary.mde * abs(effect.control_value)


def _more(
    experiment: Experiment,
    found: Measure,
    effect: Effect,
    unjudged: list[tuple[Measure, GuardrailResult]],
    progress: Progress,
) -> int | None:
    """Units until all that is open can be told with the power of the file, if things go on as they are."""
    spare = float(norm.ppf(experiment.analysis.power))
    needed = [float(progress.planned or 0)]
    if effect.better is None:
        sign = -1 if found.metric.goal == "lower" else 1
        gain = sign * effect.absolute
        gap = max(gain, experiment.primary.mde * abs(effect.control_value) - gain)
        if gap == 0:  # of a control at 0 any change at all would be the MDE
            return progress.lacking or None
        half = (effect.high - effect.low) / 2
        critical = half / found.error if found.error > 0 else 0.0
        needed.append(progress.units * ((critical + spare) * found.error / gap) ** 2)
    for each, guardrail in unjudged:
        gap = abs(guardrail.margin - guardrail.worse_by)
        half = (guardrail.high - guardrail.low) / 2
        if not math.isfinite(half) or gap == 0:
            return progress.lacking or None
        scale = abs(each.control_value) if guardrail.relative else 1.0
        error = each.error / scale if scale else 0.0
        needed.append(progress.units * ((half + spare * error) / gap) ** 2)
    most = max(needed)
    if most > FURTHEST * max(progress.units, 1):
        return None
    return max(1, math.ceil(most) - progress.units)


def _primary(found: Measure, effect: Effect) -> str:
    metric = found.metric
    change = apart(metric, effect.absolute)
    if effect.relative is not None:
        change += f" ({percent(effect.relative)})"
    known = {True: "is better", False: "is worse", None: "is not shown to differ"}[effect.better]
    low, high = apart(metric, effect.low), apart(metric, effect.high)
    return f"{metric.name} {known} in {effect.arm}: {change}, and between {low} and {high}."


def _held(found: Measure, guardrail: GuardrailResult) -> str:
    told = {
        True: "is within its margin",
        False: "is beyond its margin",
        None: "is not shown to be within its margin",
    }[guardrail.holds]
    return f"{guardrail.metric} {told}: {_worse(found, guardrail)}"


def _violated(found: Measure, guardrail: GuardrailResult) -> str:
    return f"The guardrail {_held(found, guardrail)}"


def _worse(found: Measure, guardrail: GuardrailResult) -> str:
    def told(value: float) -> str:
        if not math.isfinite(value):
            return "an unknown amount"
        size = percent(abs(value)) if guardrail.relative else apart(found.metric, abs(value))
        return size.removeprefix("+") + (" worse" if value >= 0 else " better")

    return (
        f"{told(guardrail.worse_by)}, and between {told(guardrail.low)} and {told(guardrail.high)}; "
        f"up to {told(guardrail.margin)} is acceptable."
    )
