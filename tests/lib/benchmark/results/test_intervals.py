"""Intervals hold what they promise: checked by simulating the truth."""

import numpy as np
import pytest
from scipy import signal, stats

from gateway_lib.benchmark.results.dependence import design_effect, inflation
from gateway_lib.benchmark.results.intervals import (
    mean_interval,
    proportion_interval,
    quantile_interval,
    quantile_intervals,
    ratio_interval,
)

SIGMA, MU = 0.6, 4.0
P50, P95 = np.exp(MU), np.exp(MU + SIGMA * stats.norm.ppf(0.95))
MEAN = np.exp(MU + SIGMA**2 / 2)


def covered(estimate, truth) -> bool:
    return estimate.low <= truth <= estimate.high


@pytest.mark.parametrize(("q", "smallest"), [(0.5, 6), (0.95, 72), (0.99, 368)])
def test_an_interval_exists_only_from_a_certain_n(q, smallest):
    below = quantile_interval(np.arange(smallest - 1), q)
    enough = quantile_interval(np.arange(smallest), q)
    assert (below.low, below.high) == (None, None) and not below.bounded
    assert enough.low <= enough.value <= enough.high


def test_the_median_of_ten_lies_between_the_second_and_ninth():
    # P(1 < X < 9) = 0.9785 for X ~ Bin(10, 1/2): the textbook's pair of ranks
    estimate = quantile_interval(list(range(10, 0, -1)), 0.5)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (5.5, 2, 9, 10)


@pytest.mark.parametrize("in_order", [False, True])
def test_coverage_over_a_thousand_runs_of_500_requests(in_order):
    draw = np.random.default_rng(7)
    hits = np.zeros(3)
    for _ in range(1000):
        values = draw.lognormal(MU, SIGMA, 500)
        p50, p95 = quantile_intervals(values, (0.5, 0.95), in_order=in_order)
        mean = mean_interval(values, in_order=in_order)
        hits += [covered(p50, P50), covered(p95, P95), covered(mean, MEAN)]
    p50, p95, mean = hits / 1000
    assert 0.93 <= p50 <= 0.98
    assert 0.93 <= p95 <= 0.98
    assert 0.93 <= mean <= 0.97


def test_requests_that_resemble_their_neighbours_widen_the_interval():
    """A busy server: neighbours correlate, and intervals that do not know it miss the truth."""
    draw, phi = np.random.default_rng(8), 0.7
    hits = {False: np.zeros(2), True: np.zeros(2)}
    for _ in range(300):
        noise = draw.normal(scale=np.sqrt(1 - phi**2), size=1200)
        values = np.exp(MU + SIGMA * signal.lfilter([1], [1, -phi], noise)[200:])
        for in_order, hit in hits.items():
            p50, p95 = quantile_intervals(values, (0.5, 0.95), in_order=in_order)
            hit += [covered(p50, P50), covered(p95, P95)]
    blind, aware = hits[False] / 300, hits[True] / 300
    assert (blind < 0.85).all(), "the case is a hard one"
    assert (aware > 0.91).all()


def test_inflation_of_a_known_process():
    draw, phi = np.random.default_rng(9), 0.5
    series = signal.lfilter([1], [1, -phi], draw.normal(size=200_000))
    assert inflation(series) == pytest.approx((1 + phi) / (1 - phi), rel=0.05)
    assert inflation(np.ones(50)) == inflation(np.array([])) == inflation(np.array([3.0])) == 1
    assert inflation(np.tile([0.0, 1.0], 50)) == 1, "neighbours that differ never narrow"


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (3, 5), (10, 10), (490, 500), (0, 1)])
def test_wilson_agrees_with_scipy(successes, n):
    ours = proportion_interval(successes, n)
    theirs = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert ours.low == pytest.approx(theirs.low, abs=1e-12)
    assert ours.high == pytest.approx(theirs.high, abs=1e-12)
    assert 0 <= ours.low <= ours.value <= ours.high <= 1


def test_repeats_of_a_question_are_not_new_questions():
    """20 questions, 10 repeats, each answered always right or always wrong: 20 answers' worth."""
    questions = np.repeat(np.arange(20), 10)
    passed = (questions % 4 != 0).astype(float)
    effect = design_effect(passed, questions)
    assert 9 < effect < 12
    wide = proportion_interval(150, 200, design_effect=effect)
    narrow = proportion_interval(150, 200)
    assert wide.high - wide.low > 2.5 * (narrow.high - narrow.low)
    assert design_effect(passed, np.arange(200)) == 1, "every answer of a question of its own"
    assert design_effect(passed, np.zeros(200)) == 200, "one question is one answer"
    assert design_effect([], []) == 1


def test_coverage_of_accuracy_with_repeats():
    draw, hits = np.random.default_rng(10), {False: 0, True: 0}
    clusters = np.repeat(np.arange(60), 5)
    for _ in range(400):
        chance = draw.beta(1.6, 0.4, 60)  # mean 0.8, and questions differ much
        passed = draw.random(300) < np.repeat(chance, 5)
        for aware in hits:
            effect = design_effect(passed, clusters) if aware else 1.0
            hits[aware] += covered(
                proportion_interval(passed.sum(), 300, design_effect=effect), 0.8
            )
    assert hits[False] / 400 < 0.85
    assert 0.92 <= hits[True] / 400 <= 0.98


def test_a_ratio_has_the_interval_its_uncertain_denominator_asks_for():
    draw, hits = np.random.default_rng(11), 0
    for _ in range(1000):
        cost = draw.lognormal(-7, 0.5, 200)
        right = (draw.random(200) < 0.7).astype(float)
        hits += covered(ratio_interval(cost, right), np.exp(-7 + 0.125) / 0.7)
    assert 0.93 <= hits / 1000 <= 0.97
    assert ratio_interval([1.0, 2.0], [0.0, 0.0]) is None, "nothing was right"
    rare = ratio_interval(np.ones(100), np.eye(1, 100)[0])
    assert (rare.value, rare.low, rare.high) == (100, None, None), "one right answer of a hundred"


@pytest.mark.parametrize(
    "call",
    [
        lambda: quantile_interval([], 0.5),
        lambda: proportion_interval(0, 0),
        lambda: mean_interval([]),
        lambda: ratio_interval([], []),
    ],
)
def test_nothing_is_not_a_sample(call):
    with pytest.raises(ValueError, match="no values"):
        call()


def test_few_values_have_a_mean_and_no_interval():
    few = mean_interval([1.0, 2.0, 6.0])
    assert (few.value, few.low, few.high, few.n) == (3, None, None, 3)
