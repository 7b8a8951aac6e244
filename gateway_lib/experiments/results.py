"""What an experiment says: frozen, plain values, ready to be drawn, printed or written as JSON.

Values are in the metric's own unit (ms, $, a share of 1 for a proportion), relative ones are shares of the
control (0.1 for 10 %), moments are aware and in UTC. An effect says the level of its interval.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

Decision = Literal["ship", "do not ship", "cannot tell yet"]
DECISIONS: tuple[Decision, ...] = ("ship", "do not ship", "cannot tell yet")
Basis = Literal["assigned", "served"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One metric in one arm; its interval is at the level of its effect, and holds as often as that."""

    metric: str
    arm: str
    value: float
    low: float
    high: float
    n_units: int
    n_calls: int
    """Calls that have a value of the metric."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The difference between an arm and the control: arm minus control."""

    metric: str
    arm: str
    control: str
    kind: str
    """`mean`, `ratio`, `proportion` or `quantile`."""
    role: Literal["primary", "secondary", "guardrail"]
    absolute: float
    low: float
    high: float
    relative: float | None
    """As a share of the control's value; None where that is not positive."""
    relative_low: float | None
    relative_high: float | None
    p_value: float
    """Of no difference; always-valid (it may be looked at as often as one likes) under `sequential`."""
    p_adjusted: float
    """Corrected: over the secondary metrics, or over the arms for the primary one."""
    always_valid: bool
    significant: bool
    """Whether the interval leaves out 0; of a secondary metric, whether `p_adjusted` is at most alpha."""
    better: bool | None
    """Whether the change is in the metric's good direction; None where it is not significant."""
    control_value: float
    arm_value: float
    n_control: int
    """Units that have a value."""
    n_arm: int
    calls_control: int
    calls_arm: int
    method: str
    """How it was computed, as the documentation names it."""
    level: float
    """Of the interval: 1 - alpha, or closer to 1 where treatments, or looks at a guardrail, share alpha."""
    variance_reduction: float | None = None
    """Share of the variance that the covariate (CUPED) took away; None without one."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A metric that is not analysed, and why."""

    metric: str
    arm: str
    reason: str


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Whether the arms have the units that their weights promise."""

    basis: Basis
    """`assigned`: units by their arm. `served`: of those, the ones that their own arm's model answered."""
    expected: dict[str, float]
    """Units of each arm by the weights, for as many units as there are."""
    observed: dict[str, int]
    p_value: float
    """Of the chi-square test, or always-valid under `sequential`."""
    level: float
    """It is broken where `p_value` is below this."""
    is_broken: bool
    crossed: int = 0
    """Units that were in more than one arm, which must not be."""


@dataclass(frozen=True, slots=True)
class Served:
    """What became of the calls that an arm was to answer."""

    arm: str
    assigned: int
    """Calls."""
    served: int
    """Answered well by the arm's own model."""
    fell_back: int
    """Answered by another model."""
    failed: int
    left: int
    """The caller left before the end (499)."""
    open: int
    """Without an outcome: under way, or their replica died."""


@dataclass(frozen=True, slots=True)
class GuardrailResult:
    """A metric that must not become worse by more than a margin, for one arm."""

    metric: str
    arm: str
    margin: float
    """As the file has it: in the metric's unit, or a share of the control's value."""
    relative: bool
    stops: bool
    holds: bool | None
    """True: shown to be within the margin. False: shown to be beyond it. None: cannot tell yet."""
    worse_by: float
    """How much worse the arm is, in the margin's terms; below zero where it is better."""
    low: float
    """One-sided bounds of `worse_by`, each at 1 - `effect.level`: it is beyond the margin where this is,"""
    high: float
    """and within the margin where this is."""
    effect: Effect


@dataclass(frozen=True, slots=True)
class Looks:
    """A metric's effect as it was known at several moments, on the data up to each."""

    metric: str
    arm: str
    always_valid: bool
    """Whether the intervals hold at all moments together; else each is for a single look."""
    moments: tuple[datetime, ...]
    n_units: tuple[int, ...]
    estimate: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ArmCost:
    """What the calls of an arm cost, and what the same number at the control's price would have."""

    arm: str
    calls: int
    cost_usd: float
    at_control_usd: float | None
    """None where the control's calls have no known cost."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do."""

    decision: Decision
    arm: str
    """The arm that it is about; of several treatments, the one to ship or the nearest to it."""
    reasons: tuple[str, ...]
    """Sentences, the deciding one first."""
    units_more_needed: int | None
    """Of all arms together, until it can probably be told; None where it is told, or more do not help."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an experiment needs, before there is any traffic."""

    metric: str
    rule: Literal["fixed", "sequential"]
    units: int
    """Of all arms together."""
    units_per_arm: dict[str, int]
    calls: int
    days: float | None
    """None where nobody said how many units come in a day."""
    power: float
    """Of `units`, for the MDE."""
    baseline: float
    """Expected of the control."""
    effect: float
    """The MDE in the metric's unit."""
    design_effect: float
    """By how much the calls' resemblance within units inflates the variance."""
    assumptions: tuple[str, ...]
    """Sentences."""
    curve: tuple[tuple[int, float], ...]
    """Units of all arms together, with the power for the MDE that they give."""
    mde_curve: tuple[tuple[int, float], ...]
    """Units of all arms together, with the smallest relative change that they find with that power."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that is known of an experiment at a moment."""

    experiment: str
    version: int | None
    digest: str
    rule: Literal["fixed", "sequential"]
    alpha: float
    at: datetime
    """When its data end."""
    began: datetime
    arms: tuple[str, ...]
    """The control first."""
    n_units: dict[str, int]
    n_calls: dict[str, int]
    planned_units: int | None
    """Of all arms together; None where the file does not say."""
    sample_ratio: SampleRatio
    served_ratio: SampleRatio
    served: tuple[Served, ...]
    estimates: tuple[Estimate, ...]
    primary: tuple[Effect, ...]
    """One for each treatment that could be analysed."""
    secondary: tuple[Effect, ...]
    guardrails: tuple[GuardrailResult, ...]
    refused: tuple[Refused, ...]
    looks: tuple[Looks, ...]
    costs: tuple[ArmCost, ...]
    notes: tuple[str, ...]
    """What to know when reading the figures."""
    verdict: Verdict

    @property
    def effects(self) -> tuple[Effect, ...]:
        """All of them: primary, secondary, guardrails."""
        return (*self.primary, *self.secondary, *(g.effect for g in self.guardrails))

    @property
    def stop(self) -> tuple[GuardrailResult, ...]:
        """Guardrails for which the experiment is to end by itself."""
        return tuple(g for g in self.guardrails if g.stops and g.holds is False)

    def estimate(self, metric: str, arm: str) -> Estimate | None:
        """A metric in an arm, if it could be estimated."""
        return next((e for e in self.estimates if (e.metric, e.arm) == (metric, arm)), None)

    def document(self) -> dict[str, Any]:
        """All of it for JSON, moments as ISO 8601."""
        written: dict[str, Any] = _plain(asdict(self))
        return written


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
