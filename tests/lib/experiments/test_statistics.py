"""Estimates and tests against tea-tasting, scipy and statsmodels, and against what must be true of them."""

import math

import numpy as np
import pandas as pd
import pytest
import tea_tasting as tt
from tea_tasting.aggr import Aggregates

from gateway_lib.experiments.statistics import contrast, intervals, refusal, sample_ratio, sequence
from gateway_lib.experiments.statistics.intervals import Rule
from gateway_lib.experiments.statistics.power import drift_for, fixed_power, sequential_power
from gateway_lib.experiments.statistics.quantiles import quantile, quantile_contrast
from gateway_lib.experiments.statistics.sums import Sums, each, table

FIXED = Rule(0.05)


def users(seed: int = 1, n: int = 800) -> pd.DataFrame:
    """A row per user, with sums over its calls."""
    rng = np.random.default_rng(seed)
    calls = 1 + rng.poisson(3, n)
    own = rng.normal(size=n)
    variant = (rng.random(n) < 0.4).astype(int)
    cost = rng.gamma(2, calls / 2) * np.exp(0.3 * own) * (1 - 0.1 * variant)
    return pd.DataFrame(
        {"variant": variant, "calls": calls, "cost": cost, "before": own + rng.normal(size=n)}
    )


def parts(frame: pd.DataFrame, covariate: bool = False) -> tuple[Sums, Sums]:
    """The same as sums of both arms; squares over calls do not matter here."""
    told = []
    for variant in (0, 1):
        part = frame[frame["variant"] == variant]
        one = Sums(
            part["cost"].to_numpy(),
            part["calls"].to_numpy(float),
            int(part["calls"].sum()),
            (1.0, 0.0, 0.0),
        )
        told.append(one.with_covariate(part["before"].to_numpy()) if covariate else one)
    return told[0], told[1]


def assert_same(told: intervals.Told, other: object, found: contrast.Contrast) -> None:
    ours = (*told.absolute, *(told.relative or ()), told.p_value, found.control, found.arm)
    theirs = (
        other.effect_size_ci_lower,  # type: ignore[attr-defined]
        other.effect_size_ci_upper,  # type: ignore[attr-defined]
        other.rel_effect_size_ci_lower,  # type: ignore[attr-defined]
        other.rel_effect_size_ci_upper,  # type: ignore[attr-defined]
        other.pvalue,  # type: ignore[attr-defined]
        other.control,  # type: ignore[attr-defined]
        other.treatment,  # type: ignore[attr-defined]
    )
    assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("covariate", [False, True])
def test_ratios_of_sticky_users_are_those_of_tea_tasting(covariate: bool) -> None:
    frame = users()
    found = contrast.independent(*parts(frame, covariate))
    metric = tt.RatioOfMeans("cost", "calls", "before" if covariate else None)
    other = tt.Experiment({"m": metric}).analyze(frame)["m"]
    assert_same(intervals.of_ratio(found, FIXED), other, found)
    assert (found.reduction is not None) == covariate


def test_the_error_of_the_contrast_is_the_one_that_tea_tasting_divides_by() -> None:
    for covariate in (False, True):
        frame = users()
        found = contrast.independent(*parts(frame, covariate))
        metric = tt.RatioOfMeans("cost", "calls", "before" if covariate else None)
        other = tt.Experiment({"m": metric}).analyze(frame)["m"]
        assert found.absolute / found.error == pytest.approx(other.statistic, rel=1e-6)


def test_means_of_single_calls_are_those_of_tea_tasting() -> None:
    frame = users()
    both = [each(frame.loc[frame["variant"] == v, "cost"].to_numpy()) for v in (0, 1)]
    found = contrast.independent(*both)
    other = tt.Experiment({"m": tt.Mean("cost")}).analyze(frame)["m"]
    assert_same(intervals.of_ratio(found, FIXED), other, found)
    assert found.effective == pytest.approx(len(frame), rel=0.02)


def test_sample_ratios_are_those_of_tea_tasting() -> None:
    frame = pd.DataFrame({"variant": [0] * 10_400 + [1] * 9_900})
    other = tt.Experiment({"m": tt.SampleRatio(method="norm", correction=False)}).analyze(frame)
    told = sample_ratio.chi_square({"a": 10_400, "b": 9_900}, {"a": 0.5, "b": 0.5})
    assert told == pytest.approx(other["m"].pvalue, rel=1e-6)


def test_the_power_of_one_look_is_that_of_tea_tasting() -> None:
    aggregates = Aggregates(count_=1000, mean_={"x": 10.0}, var_={"x": 9.0})
    metric = tt.Mean("x", rel_effect_size=0.05, use_t=False, power=0.8)
    units = metric.solve_power_from_aggregates(aggregates, "n_obs")[0].n_obs
    drift = drift_for(0.8, 0.05, sequential=False)
    assert math.ceil(drift**2 * 4 * 9.0 / 0.5**2) == pytest.approx(units, abs=1)


def test_tables_add_up_calls_of_units_in_their_arms() -> None:
    cells = np.array([0, 0, 3, 2, 3])
    value = np.array([1.0, 2.0, 5.0, 7.0, 100.0])
    known = np.array([True, True, True, True, False])
    told = table(cells, known, value, size=6)
    control, arm = told.every(2, 0), told.every(2, 1)
    assert control.value.tolist() == [3.0, 7.0]
    assert control.weight.tolist() == [2.0, 1.0]
    assert arm.value.tolist() == [5.0]
    assert control.squares == (54.0, 10.0, 3.0)


def test_resemblance_within_units_widens_the_interval() -> None:
    rng = np.random.default_rng(3)
    own = np.repeat(rng.normal(size=400), 5)
    unit, arm = np.repeat(np.arange(400), 5), np.repeat(np.arange(400) % 2, 5)
    value = 10 + own + 0.5 * rng.normal(size=2000)
    whole = table(unit * 2 + arm, np.ones(2000, dtype=bool), value, size=800)
    sticky = contrast.independent(whole.every(2, 0), whole.every(2, 1))
    alone = contrast.independent(each(value[arm == 0]), each(value[arm == 1]))
    assert sticky.error > 1.8 * alone.error
    assert sticky.effective == pytest.approx(2000 / 4.2, rel=0.15)


def test_the_sequence_is_narrowest_at_its_target_and_always_wider_than_one_look() -> None:
    widths = {
        n: sequence.critical(sequence.clock(n, 1000, 0.05), 0.05) / math.sqrt(n)
        for n in (250, 500, 1000, 2000)
    }
    tuned = {
        target: sequence.critical(sequence.clock(1000, target, 0.05), 0.05)
        for target in (300, 1000, 3000)
    }
    assert list(widths.values()) == sorted(widths.values(), reverse=True)
    assert min(tuned, key=lambda target: tuned[target]) == 1000
    assert min(tuned.values()) > 1.96


def test_an_always_valid_p_value_is_alpha_where_the_interval_touches_zero() -> None:
    for n in (100, 1000, 5000):
        time = sequence.clock(n, 1000, 0.05)
        assert sequence.p_value(sequence.critical(time, 0.05), time) == pytest.approx(0.05)


def test_the_power_of_a_sequence_is_what_random_walks_show() -> None:
    rng = np.random.default_rng(0)
    drift = drift_for(0.8, 0.05, sequential=True)
    times = np.arange(1, 31) / 30
    edges = [sequence.critical(sequence.clock(t, 1.0, 0.05), 0.05) for t in times]
    steps = rng.normal(0, math.sqrt(1 / 30), size=(20_000, 30)).cumsum(axis=1)
    found = (np.abs(steps + drift * times) / np.sqrt(times) > edges).any(axis=1).mean()
    assert found == pytest.approx(0.8, abs=0.012)
    assert sequential_power(0.0, 0.05) < 0.05
    assert fixed_power(0.0, 0.05) == pytest.approx(0.05)


def test_a_quantile_lies_between_its_bounds_and_too_few_calls_have_none() -> None:
    rng = np.random.default_rng(2)
    told = quantile(rng.lognormal(size=2000), 0.95)
    assert told.value == pytest.approx(np.exp(1.645), rel=0.2)
    low, high = told.bounds(2.0) or (math.nan, math.nan)
    assert low < told.value < high
    assert quantile(rng.lognormal(size=40), 0.95).bounds(2.0) is None


def test_a_p_value_of_quantiles_agrees_with_their_interval() -> None:
    rng = np.random.default_rng(4)
    for factor in (1.0, 1.1, 1.3):
        found = quantile_contrast(
            quantile(rng.lognormal(0, 0.5, 800), 0.9),
            quantile(factor * rng.lognormal(0, 0.5, 800), 0.9),
        )
        told = intervals.of_quantiles(found, FIXED)
        assert told is not None
        excluded = told.absolute[0] > 0 or told.absolute[1] < 0
        assert (told.p_value < 0.05) == excluded


def test_none_among_few_does_not_mean_never() -> None:
    nothing = each(np.zeros(200))
    told = intervals.of_shares(
        contrast.independent(nothing, nothing, share=True), Rule(0.05, 400.0)
    )
    assert told.absolute[1] > 0.015
    newcombe = intervals.of_shares(contrast.independent(nothing, nothing, share=True), FIXED)
    assert newcombe.absolute[1] > 0.01


def test_pairs_say_more_than_two_samples() -> None:
    rng = np.random.default_rng(5)
    prompt = rng.normal(size=300)
    values = [np.exp(prompt + 0.1 * rng.normal(size=300)) for _ in range(2)]
    pairs = contrast.paired(each(values[0]), each(values[1]))
    assert pairs.error < 0.3 * contrast.independent(each(values[0]), each(values[1])).error
    difference = values[1] - values[0]
    assert pairs.error == pytest.approx(difference.std(ddof=1) / math.sqrt(300))


def test_long_tails_in_arms_of_different_sizes_are_refused_and_in_equal_ones_are_not() -> None:
    rng = np.random.default_rng(6)
    small, large, same = (each(rng.lognormal(0, 1.6, n)) for n in (40, 360, 360))
    assert "skewness" in (refusal.of_sums(large, small, FIXED, share=False) or "")
    assert refusal.of_sums(large, same, FIXED, share=False) is None
    assert "n too small" in (refusal.of_sums(each(np.ones(10)), large, FIXED, share=False) or "")


def test_a_skewed_ratio_of_samples_is_found_at_one_look_and_at_many() -> None:
    weights = {"a": 0.9, "b": 0.1}
    right, wrong = {"a": 18_000, "b": 2_000}, {"a": 17_600, "b": 2_400}
    for test in (sample_ratio.chi_square, sample_ratio.always_valid):
        assert test(right, weights) > 0.5
        assert test(wrong, weights) < 1e-6
