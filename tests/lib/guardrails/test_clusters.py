"""Disguised copies of a case are no cases of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gateway_lib import guardrails
from gateway_lib.benchmark.results.intervals import proportion_interval
from gateway_lib.guardrails import clusters, scoring
from gateway_lib.guardrails.pairs import agreement
from gateway_lib.guardrails.suite import load_suite

from .checks import check, table

WAYS = ("none", "case", "leet", "rot13")


def copies(name, outcome="block", ways=WAYS, **more):
    """A case and its copies, with one outcome."""
    return [
        check(name if way == "none" else f"{name}.{way}", outcome=outcome, obfuscation=way, **more)
        for way in ways
    ]


def drawn(
    rng: np.random.Generator, sizes: np.ndarray, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cases that leak at a rate, copies mostly as the case that was written; and their clusters."""
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    own = rng.random(len(sizes)) < rate
    alone = rng.random(len(cluster)) < rate
    return np.where(rng.random(len(cluster)) < 0.8, own[cluster], alone), cluster


def test_the_copies_of_the_starting_suite_belong_to_the_cases_that_were_written():
    cases = load_suite("starting").cases
    frame = pd.DataFrame(
        {"case": [case.id for case in cases], "obfuscation": [case.obfuscation for case in cases]}
    )
    bases = clusters.written(frame)
    ids = {case.id for case in cases if case.written}
    assert set(bases) == ids
    assert len(cases) - len(ids) == sum(not case.written for case in cases) > 100


def test_an_interval_covers_the_rate_where_copies_leak_together():
    rng = np.random.default_rng(7)
    sizes = np.array([1] * 40 + [4] * 30)
    n, rate = 1200, 0.15
    kept, plain = 0, 0
    for _ in range(n):
        leaked, cluster = drawn(rng, sizes, rate)
        found = clusters.share(pd.Series(leaked), pd.Series(cluster))
        assert found is not None
        kept += found.low <= rate <= found.high
        alone = proportion_interval(int(leaked.sum()), len(leaked))
        plain += alone.low <= rate <= alone.high
    assert kept / n > 0.93
    assert plain / n < 0.89, "as if copies were cases of their own"


def test_versions_that_do_not_differ_are_told_apart_as_rarely_as_promised():
    rng = np.random.default_rng(5)
    n, found, plain = 2000, 0, 0
    for _ in range(n):
        changes = rng.choice([-4, -1, 0, 1, 4], size=60, p=[0.1, 0.05, 0.7, 0.05, 0.1])
        found += clusters.p_value(changes) < 0.05
        worse, differ = int(changes[changes > 0].sum()), int(np.abs(changes).sum())
        plain += stats.binomtest(worse, differ).pvalue < 0.05 if differ else False
    assert found / n < 0.06
    assert plain / n > 0.2, "as if copies were cases of their own"


@pytest.mark.parametrize(("broken", "mended"), [(0, 0), (3, 0), (0, 8), (9, 2), (12, 30)])
def test_without_copies_the_test_is_mcnemars(broken, mended):
    differ = broken + mended
    exact = stats.binomtest(broken, differ).pvalue if differ else 1.0
    assert clusters.p_value([1] * broken + [-1] * mended) == pytest.approx(exact)


def test_a_case_that_is_mended_in_all_its_disguises_counts_once():
    before = [*copies("a-01", "allow"), *copies("a-02", "allow"), *copies("a-03", "block")]
    after = [*copies("a-01"), *copies("a-02"), *copies("a-03")]
    found = guardrails.compare(table(*before), table(*after))
    assert len(found.leaks.mended) == 8
    assert found.leaks.p == 0.5 and found.promote is None
    rate = scoring.leak_rate(table(*before))
    alone = stats.binomtest(8, 12).proportion_ci(method="wilson")
    assert rate.value == 8 / 12 and rate.n == 12
    assert rate.low < alone.low - 0.1 and rate.high > alone.high


def test_none_of_many_copies_says_as_much_as_none_of_the_cases():
    rate = scoring.leak_rate(table(*(row for i in range(10) for row in copies(f"a-{i:02d}"))))
    assert (rate.low, rate.high) == pytest.approx(
        stats.binomtest(0, 10).proportion_ci(method="wilson"), abs=1e-9
    )


def test_agreement_counts_pairs_of_copies_as_a_cluster():
    rows = []
    for i in range(20):
        rows += copies(f"a-{i:02d}")
        rows += copies(f"a-{i:02d}", "block" if i else "allow", interface="bedrock")
    found = agreement(table(*rows))
    assert (found.share.value, found.share.n) == (0.95, 80)
    wilson = stats.binomtest(76, 80).proportion_ci(method="wilson")
    assert found.share.low < wilson.low - 0.05
