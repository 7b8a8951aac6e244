"""The study: each metric and design, planned as a user would and analysed as a user's data are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bench.experiments.populations import Correct, Drawn, Latency, Population, Price, SlowCalls
from gateway_lib.experiments.design import plan, target_calls
from gateway_lib.experiments.file import Experiment, parse
from gateway_lib.experiments.statistics import contrast, intervals, refusal
from gateway_lib.experiments.statistics.intervals import Rule, Told
from gateway_lib.experiments.statistics.power import LOOKS
from gateway_lib.experiments.statistics.quantiles import quantile, quantile_contrast
from gateway_lib.experiments.statistics.sums import each, table

RuleName = Literal["fixed", "sequential"]
ALPHA = 0.05
METRICS: dict[str, tuple[Population, dict[str, Any], float]] = {
    "mean": (Latency(), {"kind": "mean", "value": "latency_ms", "goal": "lower"}, 0.1),
    "ratio": (
        Price(),
        {"kind": "ratio", "value": "cost_usd", "per": "output_ktokens", "goal": "lower"},
        0.1,
    ),
    "proportion": (
        Correct(),
        {"kind": "proportion", "value": "feedback.ok", "goal": "higher"},
        0.05,
    ),
    "p95": (
        SlowCalls(),
        {"kind": "quantile", "value": "latency_ms", "q": 0.95, "goal": "lower"},
        0.15,
    ),
}
"""Population, metric, MDE."""


@dataclass(frozen=True)
class Case:
    """A metric under a design.

    Attributes:
        kind: Of `METRICS`.
        rule: One look at the end, or `LOOKS` looks.
        sticky: Whether units make five calls on average, with an intra-class correlation of 0.2.
        power: That is planned.
    """

    kind: str
    rule: RuleName
    sticky: bool
    power: float = 0.8

    @property
    def population(self) -> Population:
        told = METRICS[self.kind][0]
        return replace(told, calls=5.0, icc=0.2) if self.sticky else told

    @property
    def change(self) -> float:
        """The true factor of the arm's value where it has the MDE."""
        _, metric, mde = METRICS[self.kind]
        return 1 - mde if metric["goal"] == "lower" else 1 + mde

    def experiment(self) -> Experiment:
        """As its file would be."""
        population = self.population
        _, metric, mde = METRICS[self.kind]
        primary = {"metric": "simulated", "mde": mde, "baseline": population.baseline}
        if population.deviation is not None:
            primary["deviation"] = population.deviation
        document = {
            "hypothesis": "Simulated.",
            "routing": {
                "name": "simulated",
                "arms": [{"name": "control", "model": "a"}, {"name": "arm", "model": "b"}],
            },
            "primary": primary,
            "metrics": [{"name": "simulated", **metric}],
            "analysis": {
                "alpha": ALPHA,
                "power": self.power,
                "rule": self.rule,
                "calls_per_unit": population.calls,
                "icc": population.icc,
            },
        }
        return parse(document, "simulated")


@dataclass(frozen=True)
class Outcome:
    """What became of a case's experiments.

    Attributes:
        case: Which.
        units: Planned, of both arms.
        calls: Of the last experiment.
        experiments: Of each of the two runs, without a difference and with the MDE.
        false_positives: Share that found a difference where there was none, at any look.
        coverage: Share whose intervals held the true difference, at all looks together.
        promised: Power by the plan.
        power: Share that found the MDE, at any look.
        refused: Share that was not analysed at the last look.
    """

    case: Case
    units: int
    calls: int
    experiments: int
    false_positives: float
    coverage: float
    promised: float
    power: float
    refused: float


def run(case: Case, experiments: int, seed: int = 0) -> Outcome:
    """Simulate one case."""
    experiment = case.experiment()
    planned = plan(experiment)
    rule = Rule(ALPHA)
    if case.rule == "sequential":
        rule = Rule(ALPHA, target_calls(experiment, "arm"))
    rng = np.random.default_rng([seed, *case.kind.encode(), case.sticky, case.rule == "fixed"])
    found = np.zeros((2, experiments), dtype=bool)
    covered = np.ones((2, experiments), dtype=bool)
    refused = np.zeros((2, experiments), dtype=bool)
    population = case.population
    calls = 0
    for which, change in enumerate((1.0, case.change)):
        truth = population.baseline * (change - 1)
        for i in range(experiments):
            drawn = population.draw(rng, planned.units, change)
            calls = len(drawn.unit)
            for told in looks_of(case, drawn, rule):
                refused[which, i] = told is None
                if told is not None:
                    low, high = told.absolute
                    found[which, i] |= low > 0 or high < 0
                    covered[which, i] &= low <= truth <= high
    return Outcome(
        case,
        planned.units,
        calls,
        experiments,
        float(found[0].mean()),
        float(covered[1].mean()),
        planned.power,
        float(found[1].mean()),
        float(refused.mean()),
    )


def looks_of(case: Case, drawn: Drawn, rule: Rule) -> list[Told | None]:
    """What each look says: one at the end, or several with evenly more calls."""
    number = 1 if case.rule == "fixed" else LOOKS
    counts = [round(part) for part in np.linspace(0, len(drawn.unit), number + 1)[1:]]
    return [look(case.kind, drawn, count, rule) for count in counts]


def look(kind: str, drawn: Drawn, count: int, rule: Rule) -> Told | None:
    """What the first calls say; None where the analysis refuses them."""
    unit, arm, value = drawn.unit[:count], drawn.arm[:count], drawn.value[:count]
    lonely = drawn.units == len(drawn.unit)
    masks: list[npt.NDArray[np.bool_]] = [arm == 0, arm == 1]
    if kind == "p95":
        if min(mask.sum() for mask in masks) == 0:
            return None
        control, other = (
            quantile(value[mask], 0.95, None if lonely else unit[mask], size=drawn.units)
            for mask in masks
        )
        if refusal.of_quantiles(control, other, rule):
            return None
        found = quantile_contrast(control, other)
        interval = found.interval(rule.two_sided(found.effective))  # p-values are not asked for
        return None if interval is None else Told(interval, None, 1.0, "")
    share = kind == "proportion"
    if lonely and drawn.weight is None:
        parts = tuple(each(value[mask]) for mask in masks)
    else:
        weight = None if drawn.weight is None else drawn.weight[:count]
        cells = unit * 2 + arm
        whole = table(cells, np.ones(count, dtype=bool), value, weight, size=2 * drawn.units)
        parts = (whole.every(2, 0), whole.every(2, 1))
    if refusal.of_sums(parts[0], parts[1], rule, share=share):
        return None
    means = contrast.independent(parts[0], parts[1], share=share)
    return intervals.of_shares(means, rule) if share else intervals.of_ratio(means, rule)


CASES = tuple(
    Case(kind, rule, sticky)
    for kind in METRICS
    for sticky in (False, True)
    for rule in ("fixed", "sequential")
)
