import numpy as np
import pytest

from gateway_lib.benchmark.intervals import proportion_interval, quantile_interval
from gateway_lib.plots import short_names, token_arrivals


@pytest.mark.parametrize(("q", "smallest"), [(0.5, 6), (0.95, 72), (0.99, 368)])
def test_an_interval_exists_only_from_a_certain_n(q, smallest):
    below = quantile_interval(np.arange(smallest - 1), q)
    enough = quantile_interval(np.arange(smallest), q)
    assert (below.low, below.high) == (None, None)
    assert enough.low <= enough.value <= enough.high


def test_the_median_of_ten_lies_between_the_second_and_ninth():
    # P(1 < X < 9) = 0.9785 for X ~ Bin(10, 1/2): the textbook's pair of ranks
    estimate = quantile_interval(list(range(10, 0, -1)), 0.5)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (5.5, 2, 9, 10)


@pytest.mark.parametrize(("q", "n"), [(0.5, 20), (0.5, 59), (0.95, 100)])
def test_the_interval_covers_the_truth_often_enough(q, n):
    draw = np.random.default_rng(1)
    truth = -np.log(1 - q)
    covered = 0
    for _ in range(1000):
        estimate = quantile_interval(draw.exponential(size=n), q)
        covered += estimate.low <= truth <= estimate.high
    assert 0.94 <= covered / 1000 <= 0.99


def test_wilson_keeps_its_bounds_inside():
    estimate = proportion_interval(10, 10)
    assert (estimate.value, estimate.high) == (1.0, 1.0)
    assert estimate.low == pytest.approx(0.7225, abs=1e-4)


@pytest.mark.parametrize(
    "call", [lambda: quantile_interval([], 0.5), lambda: proportion_interval(0, 0)]
)
def test_nothing_is_not_a_sample(call):
    with pytest.raises(ValueError, match="no values"):
        call()


def test_short_names_stay_distinct():
    names = short_names(
        [
            "gpt-4o-mini",
            "anthropic.claude-3-haiku-20240307-v1:0",
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
            "amazon.nova-lite-v1:0",
            "us.amazon.nova-lite-v1:0",
        ]
    )
    assert list(names.values()) == [
        "gpt-4o-mini",
        "claude-3-haiku",
        "claude-haiku-4-5",
        "amazon.nova-lite-v1:0",
        "us.amazon.nova-lite-v1:0",
    ]


def test_arrivals_are_drawn_even_when_all_come_at_once():
    for arrivals in ([5.0], [5.0, 5.0, 5.0], [1.0, 2.0, 9.0]):
        token_arrivals(arrivals, title="t").canvas.draw()
    with pytest.raises(ValueError, match="no chunk"):
        token_arrivals([], title="t")
