"""What the study shows beside errors and power: sample ratios, margins, covariates, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.experiments.populations import Correct, Drawn, Latency
from bench.experiments.study import ALPHA, look
from gateway_lib.experiments.statistics import contrast, intervals, refusal, sample_ratio
from gateway_lib.experiments.statistics.intervals import Rule
from gateway_lib.experiments.statistics.power import LOOKS
from gateway_lib.experiments.statistics.sums import each, table

UNITS = 20_000
_FIXED = Rule(ALPHA)


@dataclass(frozen=True)
class Check:
    """One line of the second table.

    Attributes:
        name: What was done.
        told: Share of the experiments in which it happened.
        least: Bound, where there is one.
        most: Bound, where there is one.
    """

    name: str
    told: float
    least: float | None = None
    most: float | None = None

    @property
    def holds(self) -> bool:
        return (self.least is None or self.told >= self.least) and (
            self.most is None or self.told <= self.most
        )


def checks(experiments: int, seed: int = 0) -> list[Check]:
    """All of them, each from so many experiments."""
    rng = np.random.default_rng([seed, 77])

    def share(once: Callable[[np.random.Generator], bool]) -> float:
        return float(np.mean([once(rng) for _ in range(experiments)]))

    return [
        Check("SRM, 52/48 of 20,000 units, one look: found", share(_srm(0.52, False)), least=0.95),
        Check("SRM, 52/48 of 20,000 units, 30 looks: found", share(_srm(0.52, True)), least=0.95),
        Check("SRM, 50/50, one look: false alarm", share(_srm(0.5, False)), most=0.005),
        Check("SRM, 50/50, 30 looks: false alarm", share(_srm(0.5, True)), most=0.015),
        Check("Guardrail, truth at the margin, one look: held", share(_margin(None)), most=0.065),
        Check("Guardrail, truth at the margin, 30 looks: held", share(_margin(4000.0)), most=0.065),
        Check("CUPED, mean, no difference, one look: found", share(_cuped(_FIXED)), most=0.065),
        Check(
            "CUPED, mean, no difference, 30 looks: found",
            share(_cuped(Rule(ALPHA, 1200.0))),
            most=0.065,
        ),
        Check("Pairs, mean, no difference, one look: found", share(_pairs(_FIXED)), most=0.065),
        Check(
            "Pairs, mean, no difference, 30 looks: found",
            share(_pairs(Rule(ALPHA, 1200.0))),
            most=0.065,
        ),
    ]


def wrongs(experiments: int, seed: int = 0) -> list[Check]:
    """False positives of what this analysis does not do, or refuses."""
    rng = np.random.default_rng([seed, 78])

    def share(once: Callable[[np.random.Generator], bool]) -> float:
        return float(np.mean([once(rng) for _ in range(experiments)]))

    return [
        Check("a test for one look, looked at 30 times", share(_peeked)),
        Check("calls of sticky units (ICC 0.2, 5 calls) taken as independent", share(_per_call)),
        Check(
            "mean of log-normal values (sigma 1.6), 9:1, 400 units; refused here",
            share(_unbalanced(1.6, 400)),
        ),
        Check(
            "mean of log-normal values (sigma 1.2), 9:1, 400 units; refused here",
            share(_unbalanced(1.2, 400)),
        ),
        Check("share of 2 % (ICC 0.1, 5 calls), 9:1, 400 units; refused here", share(_rare)),
    ]


def _srm(share: float, sequential: bool) -> Callable[[np.random.Generator], bool]:
    weights = {"a": 0.5, "b": 0.5}

    def once(rng: np.random.Generator) -> bool:
        if not sequential:
            k = int(rng.binomial(UNITS, share))
            return sample_ratio.chi_square({"a": k, "b": UNITS - k}, weights) < (
                sample_ratio.FIXED_LEVEL
            )
        each_look = UNITS // LOOKS
        a = rng.binomial(each_look, share, size=LOOKS).cumsum()
        return any(
            sample_ratio.always_valid({"a": int(k), "b": each_look * (i + 1) - int(k)}, weights)
            < sample_ratio.SEQUENTIAL_LEVEL
            for i, k in enumerate(a)
        )

    return once


def _margin(target: float | None) -> Callable[[np.random.Generator], bool]:
    """Right answers five points less often, which is just not acceptable."""
    population = Correct(share=0.9)
    rule = Rule(ALPHA, target)

    def once(rng: np.random.Generator) -> bool:
        drawn = population.draw(rng, 4000, 0.85 / 0.9)
        for count in _counts(drawn, rule):
            arm, value = drawn.arm[:count], drawn.value[:count]
            parts = each(value[arm == 0]), each(value[arm == 1])
            if refusal.of_sums(*parts, rule, share=True):
                continue
            found = contrast.independent(*parts, share=True)
            if intervals.one_sided_shares(found, rule)[0] > -0.05:
                return True
        return False

    return once


def _cuped(rule: Rule) -> Callable[[np.random.Generator], bool]:
    population = Latency()

    def once(rng: np.random.Generator) -> bool:
        drawn = population.draw(rng, 1200)
        for count in _counts(drawn, rule):
            unit, arm, value = drawn.unit[:count], drawn.arm[:count], drawn.value[:count]
            cells = unit * 2 + arm
            whole = table(cells, np.ones(count, dtype=bool), value, size=2 * drawn.units)
            covariate = np.log(population.median) + 0.5 * drawn.before
            covariate = covariate + 0.1 * np.log(drawn.value)[np.argsort(drawn.unit)]
            parts = whole.every(2, 0, covariate), whole.every(2, 1, covariate)
            if refusal.of_sums(*parts, rule, share=False):
                continue
            if _found(intervals.of_ratio(contrast.independent(*parts), rule)):
                return True
        return False

    return once


def _pairs(rule: Rule) -> Callable[[np.random.Generator], bool]:
    def once(rng: np.random.Generator) -> bool:
        prompt = rng.normal(size=600)
        values = [np.exp(0.5 * prompt + 0.3 * rng.normal(size=600)) for _ in range(2)]
        sizes = [600] if rule.target is None else [20 * (i + 1) for i in range(LOOKS)]
        for count in sizes:
            parts = each(values[0][:count]), each(values[1][:count])
            if refusal.of_sums(*parts, rule, share=False, paired=True):
                continue
            if _found(intervals.of_ratio(contrast.paired(*parts), rule)):
                return True
        return False

    return once


def _peeked(rng: np.random.Generator) -> bool:
    drawn = Latency().draw(rng, 2000)
    counts = [round(part) for part in np.linspace(0, 2000, LOOKS + 1)[1:]]
    return any(
        told is not None and _found(told)
        for told in (look("mean", drawn, count, _FIXED) for count in counts)
    )


def _per_call(rng: np.random.Generator) -> bool:
    drawn = Latency(calls=5.0, icc=0.2).draw(rng, 500)
    parts = each(drawn.value[drawn.arm == 0]), each(drawn.value[drawn.arm == 1])
    return _found(intervals.of_ratio(contrast.independent(*parts), _FIXED))


def _unbalanced(sigma: float, units: int) -> Callable[[np.random.Generator], bool]:
    def once(rng: np.random.Generator) -> bool:
        small = units // 10
        parts = (
            each(rng.lognormal(0, sigma, units - small)),
            each(rng.lognormal(0, sigma, small)),
        )
        return _found(intervals.of_ratio(contrast.independent(*parts), _FIXED))

    return once


def _rare(rng: np.random.Generator) -> bool:
    drawn = Correct(share=0.02, calls=5.0, icc=0.1).draw(rng, 400, share=0.1)
    cells = drawn.unit * 2 + drawn.arm
    whole = table(cells, np.ones(len(cells), dtype=bool), drawn.value, size=800)
    parts = whole.every(2, 0), whole.every(2, 1)
    return _found(intervals.of_ratio(contrast.independent(*parts, share=True), _FIXED))


def _found(told: intervals.Told) -> bool:
    return told.absolute[0] > 0 or told.absolute[1] < 0


def _counts(drawn: Drawn, rule: Rule) -> list[int]:
    number = 1 if rule.target is None else LOOKS
    return [round(part) for part in np.linspace(0, len(drawn.unit), number + 1)[1:]]
