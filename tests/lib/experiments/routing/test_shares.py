"""Shares, their intervals and what is said of them."""

from __future__ import annotations

import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from gateway_lib.experiments import routing
from gateway_lib.experiments.routing.calls import Served
from gateway_lib.experiments.routing.checks import _of
from gateway_lib.experiments.routing.examples import EXAMPLES
from gateway_lib.experiments.routing.shares import REFUSED

NAMES = {"id-1": "first", "id-2": "second"}


def served(**by_deployment: int) -> pd.DataFrame:
    rows = []
    for deployment, calls in by_deployment.items():
        status = 429 if deployment == REFUSED else 200
        rows += [("m", "openai", False, status, deployment.replace("_", "-"), "m", 0, "")] * calls
    return pd.DataFrame(rows, columns=list(Served.__slots__))


def test_a_share_is_of_all_calls():
    split = routing.shares(served(id_1=80, id_2=10, refused=10), NAMES)
    assert split["calls"].to_dict() == {"first": 80, "second": 10, REFUSED: 10}
    assert split["share"].to_dict() == {"first": 0.8, "second": 0.1, REFUSED: 0.1}
    assert split["expected"].isna().all() and split["p"].isna().all()


@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_intervals_are_those_of_clopper_and_pearson(confidence):
    split = routing.shares(served(id_1=180, id_2=20), NAMES, confidence=confidence)
    known = proportion_confint(20, 200, alpha=1 - confidence, method="beta")
    assert tuple(split.loc["second", ["low", "high"]]) == pytest.approx(known, abs=1e-9)


def test_what_differs_from_the_weights_is_told():
    split = routing.shares(served(id_1=50, id_2=50), NAMES, {"first": 9, "second": 1})
    assert split.loc["second", "expected"] == 0.1 and split.loc["second", "beyond"] == 40
    assert split.loc["second", "p"] < 1e-20
    table = routing.routing_table(split)
    assert table.loc["second", "beyond"] == "+40" and table.loc["second", "p"] == "< 0.0001"


def test_a_deployment_that_answered_nothing_has_a_row():
    split = routing.shares(served(id_2=10), NAMES)
    assert split.loc["first", "calls"] == 0 and split.loc["first", "low"] == 0


def test_an_answer_from_somebody_else_has_a_row_of_its_own():
    assert routing.shares(served(id_1=1, stranger=2), NAMES).loc["stranger", "calls"] == 2


def test_no_calls_have_no_shares():
    split = routing.shares(served(), NAMES)
    assert split["share"].isna().all() and split["calls"].sum() == 0


def test_refusals_may_be_expected():
    weights = {"first": 3, "second": 3, REFUSED: 4}
    split = routing.shares(served(id_1=30, id_2=30, refused=40), NAMES, weights)
    assert split["p"].min() > 0.9


def test_the_picture_says_what_it_shows():
    split = routing.shares(served(id_1=90, id_2=10), NAMES, {"first": 9, "second": 1})
    picture = routing.split_figure(split, title="9 and 1", name="nine")
    assert picture.name == "nine"
    assert "first: 90.0% (79.8% to 96.2%)" in picture.alt and "100 calls" in picture.alt


def test_examples_are_named_once_and_name_their_own_model():
    assert len({one.name for one in EXAMPLES}) == len(EXAMPLES)
    router = {"fallbacks": [{"$own": ["other"]}], "routing_strategy": "least-busy"}
    assert _of("mine", router) == {
        "fallbacks": [{"mine": ["other"]}],
        "routing_strategy": "least-busy",
    }
