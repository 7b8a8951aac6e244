"""The simulation study: a short one always, the whole one among the long runs."""

import re

import pytest

from bench.experiments.__main__ import (
    BEGIN,
    COVERAGE,
    END,
    FALSE_POSITIVES,
    PAGE,
    POWER,
    holds,
    page,
)
from bench.experiments.checks import checks, wrongs
from bench.experiments.study import CASES, Case, run
from gateway_lib.experiments.design import planned_units


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


def documented() -> list[list[str]]:
    """The cells of all rows of the study's tables."""
    text = PAGE.read_text().split(BEGIN)[1].split(END)[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows]


def number(cell: str) -> float:
    """A figure, or a percentage as a share."""
    found = re.fullmatch(r"([\d,.]+)( %)?", cell)
    assert found, cell
    value = float(found[1].replace(",", ""))
    return value / 100 if found[2] else value


def test_the_documented_study_has_every_case_as_it_is_planned_now() -> None:
    rows = {(row[0], row[1]): row for row in documented() if len(row) == 8}
    designs = {"fixed": "one look", "sequential": "30 looks"}
    for case in CASES:
        design = designs[case.rule] + (", sticky units" if case.sticky else "")
        units, _, row = *rows[case.kind, design][2].split(", "), rows[case.kind, design]
        assert number(units) == planned_units(case.experiment()), row
        false_positives, coverage, promised, power = map(number, row[3:7])
        low, high = COVERAGE[case.rule]
        assert false_positives <= FALSE_POSITIVES and low <= coverage <= high, row
        assert abs(power - promised) <= POWER and abs(promised - case.power) <= 0.005, row
        assert row[7] == "holds"
    assert len(rows) == len(CASES) + 2, "a head and the line under it"


def test_every_other_documented_figure_is_inside_its_bound() -> None:
    rows = [row for row in documented() if len(row) == 3 and row[1].endswith("%")]
    assert len(rows) == len(checks(1)) == 10
    for name, told, bound in rows:
        words, most = bound.rsplit(" ", 2)[0], number(bound.split(" ", 2)[2])
        inside = number(told) >= most if words == "at least" else number(told) <= most
        assert inside, name


@pytest.mark.faults
@pytest.mark.timeout(7200)
def test_all_errors_hold_over_2000_experiments() -> None:
    outcomes = [run(case, 2000, seed=11) for case in CASES]
    shown = checks(2000, seed=11)
    text = page(outcomes, shown, [], 2000)
    assert all(map(holds, outcomes)), text
    assert all(check.holds for check in shown), text
