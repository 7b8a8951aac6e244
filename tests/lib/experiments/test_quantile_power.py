"""Quantiles: intervals that are as wide as they should be, and plans that count with their real width."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from gateway_lib.experiments import design
from gateway_lib.experiments.design import plan, planned_units
from gateway_lib.experiments.statistics.power import fixed_power, sequential_power
from gateway_lib.experiments.statistics.quantile_power import (
    Tails,
    factor_for,
    power,
    sigma_of,
    size_for,
)
from gateway_lib.experiments.statistics.quantiles import quantile, quantile_contrast
from tests.lib.experiments.outcomes import experiment


def slow_calls(**analysis: Any) -> Any:
    """An experiment of a p95 whose calls are log-normal with sigma 0.6."""
    baseline = 900 * math.exp(0.6 * float(norm.ppf(0.95)))
    deviation = 900 * math.exp(0.18) * math.sqrt(math.expm1(0.36))
    primary = {"metric": "slow", "mde": 0.15, "baseline": baseline, "deviation": deviation}
    slow = {"name": "slow", "kind": "quantile", "value": "latency_ms", "q": 0.95, "goal": "lower"}
    return experiment(
        primary=primary, secondary=[], guardrails=[], metrics=[slow], analysis=analysis
    )


@pytest.mark.parametrize(("q", "sizes"), [(0.9, (100, 100)), (0.5, (900, 100))])
def test_each_bound_errs_as_often_as_it_should(q: float, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(12)
    low, high, n = 0, 0, 3000
    for _ in range(n):
        found = quantile_contrast(*(quantile(rng.lognormal(0, 0.6, size), q) for size in sizes))
        interval = found.interval(float(norm.ppf(0.95)))
        assert interval is not None
        low, high = low + (interval[0] > 0), high + (interval[1] < 0)
    assert 0.039 <= low / n <= 0.061, "by the plain square-and-add rule 3.8 % where arms are alike"
    assert 0.039 <= high / n <= 0.061


def test_where_one_arm_decides_alone_its_own_order_statistics_are_the_bounds() -> None:
    rng = np.random.default_rng(3)
    exact, vague = (
        quantile(np.full(2000, 7.0) + 1e-9 * rng.random(2000), 0.9),
        quantile(rng.lognormal(size=300), 0.9),
    )
    low, high = vague.bounds(2.0) or (math.nan, math.nan)
    told = quantile_contrast(exact, vague).interval(2.0)
    assert told == pytest.approx((low - exact.value, high - exact.value), rel=1e-6)


def test_an_early_look_finds_what_its_edges_say_and_less_than_a_density_does() -> None:
    rng = np.random.default_rng(6)
    critical, calls, n, found = 3.3, 600, 2000, 0
    for _ in range(n):
        arms = (quantile(factor * rng.lognormal(0, 0.6, calls), 0.95) for factor in (1.0, 0.75))
        told = quantile_contrast(*arms).interval(critical)
        found += told is not None and (told[0] > 0 or told[1] < 0)
    low, high = Tails(0.95, 0.6, 0.75, calls, calls).edges(1.0, critical)
    assert found / n == pytest.approx(float(norm.cdf(low) + norm.sf(high)), abs=0.08)
    density = float(norm.pdf(norm.ppf(0.95))) / 0.6
    error = math.sqrt(0.0475 / calls) / density * math.hypot(1, 0.75)
    assert norm.cdf(0.25 / error - critical) > found / n + 0.06


def test_power_with_short_tails_is_that_of_any_estimate() -> None:
    narrow = Tails(0.5, 0.01, 1.002, 50_000.0, 50_000.0)
    error = math.sqrt(0.25 / 50_000) * 0.01 / float(norm.pdf(0)) * math.sqrt(2)
    drift = 0.002 / error
    assert power(narrow, 0.05, sequential=False) == pytest.approx(
        fixed_power(drift, 0.05), abs=0.01
    )
    assert power(narrow, 0.05, sequential=True) == pytest.approx(
        sequential_power(drift, 0.05), abs=0.01
    )


def test_too_few_calls_for_the_bounds_find_nothing() -> None:
    assert power(Tails(0.99, 0.6, 0.1, 200.0, 200.0), 0.05, sequential=False) == 0
    assert factor_for(0.8, Tails(0.99, 0.6, 0.1, 200.0, 200.0), 0.05, sequential=False) is None


@pytest.mark.parametrize("rule", ["fixed", "sequential"])
def test_a_plan_has_the_power_that_was_asked_for_and_not_a_unit_more(rule: str) -> None:
    wanted = slow_calls(rule=rule)
    told = plan(wanted)
    assert told.units == planned_units(wanted)
    assert 0.8 <= told.power < 0.801
    assert dict(told.mde_curve)[told.units] == pytest.approx(0.15, abs=1e-3)
    powers = [point[1] for point in told.curve]
    assert powers == sorted(powers)
    assert plan(slow_calls(rule=rule, units=told.units // 2)).power < 0.7


def test_a_sequence_takes_more_calls_than_a_density_says() -> None:
    told = design.expected(slow_calls(rule="sequential"))
    sigma = sigma_of(0.95, told.baseline, told.control_deviation)
    assert sigma == pytest.approx(0.6, rel=1e-3)
    more = size_for(0.8, Tails(0.95, sigma, 0.85, 1660.0, 1660.0), 0.05, sequential=True)
    assert 1.03 < more < 1.06
