"""The simulation study: a short one always, the whole one among the long runs."""

import pytest

from bench.experiments.__main__ import holds, page
from bench.experiments.checks import checks, wrongs
from bench.experiments.study import CASES, Case, run


@pytest.mark.parametrize("rule", ["fixed", "sequential"])
@pytest.mark.parametrize("kind", ["mean", "ratio", "proportion", "p95"])
def test_errors_are_about_what_is_promised(kind: str, rule: str) -> None:
    told = run(Case(kind, rule, sticky=True), 60 if kind == "p95" else 100, seed=3)  # type: ignore[arg-type]
    assert told.false_positives <= 0.14
    assert told.coverage >= 0.86
    assert abs(told.power - told.promised) <= 0.16
    assert told.refused <= 0.05


def test_what_is_not_done_would_be_wrong() -> None:
    told = wrongs(100, seed=1)
    assert [check.told > 0.06 for check in told[:3]] == [True, True, True]


@pytest.mark.faults
@pytest.mark.timeout(7200)
def test_all_errors_hold_over_2000_experiments() -> None:
    outcomes = [run(case, 2000, seed=11) for case in CASES]
    shown = checks(2000, seed=11)
    text = page(outcomes, shown, [], 2000)
    assert all(map(holds, outcomes)), text
    assert all(check.holds for check in shown), text
