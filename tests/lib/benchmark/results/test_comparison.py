from math import inf

import numpy as np
import pytest

from gateway_lib.benchmark.results.comparison import COMPARED, compare, same_plan
from gateway_lib.benchmark.results.difference import difference, paired, ratio
from gateway_lib.benchmark.results.intervals import Estimate, proportion_interval, quantile_interval
from tests.lib.benchmark.tables import MODELS, table


def test_a_run_compared_with_another_of_the_same_thing_finds_nothing():
    """A/A: all intervals hold together, so of 30 comparisons more than 4 cry wolf with P < 2 %."""
    alarms = 0
    for seed in range(0, 60, 2):
        found = compare(table(600, seed=seed), table(600, seed=seed + 1), tolerance=0)
        alarms += bool(found.regressions or found.of("better"))
    assert alarms <= 4


def test_a_real_slowdown_is_found_and_named_and_nothing_else():
    found = compare(table(3000, seed=1), table(3000, seed=2, slower=1.4))
    named = {(change.model, change.metric.name) for change in found.regressions}
    assert {(model, "ttft_p50_ms") for model in MODELS} <= named
    assert all(name.startswith(("ttft", "total")) for _, name in named)
    for change in found.changes:
        if change.metric.name == "ttft_p50_ms":
            assert change.difference.low < 0.4 < change.difference.high
    assert {c.verdict for c in found.changes if c.metric.name == "itl_p50_ms"} == {"same"}


def test_what_got_dearer_wrong_or_broken_is_a_regression_too():
    before = table(3000, seed=3)
    dearer = compare(before, table(3000, seed=4, dearer=1.3))
    assert {c.metric.name for c in dearer.regressions} == {"cost_per_1k_usd"}
    wrong = compare(before, table(3000, seed=4, worse=0.25))
    assert {c.metric.name for c in wrong.regressions} == {"accuracy_pct"}
    broken = compare(before, table(3000, seed=4, failing=0.1))
    verdicts = {(c.metric.name, c.verdict) for c in broken.changes}
    assert ("error_pct", "worse") in verdicts
    assert ("ttft_p95_ms", "worse") in verdicts, "a request that failed never brought its answer"
    back = compare(table(3000, seed=4, failing=0.1), before)
    assert ("error_pct", "better") in {(c.metric.name, c.verdict) for c in back.changes}
    assert ("ttft_p95_ms", "better") in {(c.metric.name, c.verdict) for c in back.changes}


def test_few_requests_cannot_tell_or_are_too_few():
    found = compare(table(60, seed=1), table(60, seed=2, slower=1.1))
    assert not found.regressions
    verdicts = {c.metric.name: c.verdict for c in found.changes if c.model == "small"}
    assert verdicts["ttft_p95_ms"] == "n too small"
    assert verdicts["ttft_p50_ms"] == "cannot tell"


def test_an_overloaded_meter_says_nothing_of_times_and_all_of_cost():
    found = compare(table(3000, seed=1), table(3000, seed=2, slower=2, dearer=2, valid=False))
    assert found.invalid == ("after: stage 0, shard 0: send lag p99 of 900 ms",)
    assert {c.verdict for c in found.changes if c.metric.timed} == {"run invalid"}
    assert {c.metric.name for c in found.regressions} == {"cost_per_1k_usd"}


def test_models_of_one_run_only_are_named():
    found = compare(table(300, models=("small", "medium")), table(300, models=("small", "large")))
    assert {c.model for c in found.changes} == {"small"}
    assert (found.only_before, found.only_after) == (("medium",), ("large",))


def test_a_replay_has_the_same_plan_and_another_seed_has_not():
    assert same_plan(table(90, seed=1), table(90, seed=1, slower=2))
    assert not same_plan(table(90, seed=1), table(90, seed=2))
    assert not same_plan(table(90, seed=1), table(60, seed=1))


def test_the_same_questions_are_compared_as_pairs():
    """Costs vary much between questions and little between runs: pairs see what the rest hides."""
    before = table(600, models=("small",), seed=1)
    size = before["question"].astype(str).str[1:].astype(int) + 1
    before["cost_usd"] = size * 1e-5
    after = before.copy()
    after["cost_usd"] *= 1.08
    [change] = [c for c in compare(before, after).changes if c.metric.name == "cost_per_1k_usd"]
    assert change.difference.paired
    assert change.difference.value == pytest.approx(0.08)
    unpaired = ratio(change.before, change.after)
    assert unpaired.low < 0.05 < change.difference.low
    assert change.verdict == "worse"


def test_coverage_of_differences():
    draw, hits = np.random.default_rng(12), np.zeros(3)
    for _ in range(500):
        a, b = draw.lognormal(4, 0.6, 200), draw.lognormal(4.2, 0.6, 150)
        apart = difference(quantile_interval(a, 0.5), quantile_interval(b, 0.5))
        over = ratio(quantile_interval(a, 0.5), quantile_interval(b, 0.5))
        shares = difference(
            proportion_interval(draw.binomial(120, 0.9), 120),
            proportion_interval(draw.binomial(90, 0.8), 90),
        )
        hits += [
            apart.low <= np.exp(4.2) - np.exp(4) <= apart.high,
            over.low <= np.exp(0.2) - 1 <= over.high,
            shares.low <= -0.1 <= shares.high,
        ]
    assert (hits / 500 >= 0.93).all() and (hits / 500 <= 0.98).all()


def test_percentiles_that_never_end():
    fine, never = Estimate(100, 90, 110, 500), Estimate(inf, 400, inf, 500)
    worse = ratio(fine, never)
    assert (worse.value, worse.high) == (inf, inf) and worse.low == pytest.approx(400 / 110 - 1)
    better = ratio(never, fine)
    assert better.high == pytest.approx(110 / 400 - 1)
    assert ratio(never, never).low is None, "no change can be seen"
    unknown = ratio(fine, Estimate(inf, None, None, 20))
    assert unknown.low is None
    assert ratio(Estimate(0, 0, 1, 9), fine) is None
    half = ratio(fine, Estimate(120, 110, inf, 500))
    assert half.high == inf and half.low is not None


def test_pairs_need_ten_questions():
    few = dict.fromkeys("abc", 1.0)
    assert paired(few, few, confidence=0.95) is None
    many = dict.fromkeys("abcdefghijk", 1.0)
    assert paired(many, many, confidence=0.95) == (0, 0, 0)


def test_only_known_figures_are_compared():
    found = compare(table(300), table(300), metrics=("ttft_p50_ms",))
    assert {c.metric.name for c in found.changes} == {"ttft_p50_ms"}
    assert len(COMPARED) == 8
