"""Figures and the memo: what they say in words is what the analysis says in numbers."""

from __future__ import annotations

import re

import pytest
from matplotlib import pyplot as plt

from gateway_lib import experiments
from gateway_lib.experiments import words
from gateway_lib.experiments.results import DECISIONS
from gateway_lib.plots import SMALL

from .kept import told

THREE = {
    "routing": {
        "name": "three",
        "unit": "request",
        "arms": [{"name": name, "model": name} for name in ("control", "b", "c")],
    }
}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("changed", [{}, THREE], ids=["two arms", "three arms"])
def test_every_figure_says_what_it_shows(changed, small):
    frame, said = told(300, **changed)
    analysis = experiments.analyse(frame, said)
    pictures = [
        experiments.split(frame, said, small=small),
        experiments.forest(analysis, said, small=small),
        experiments.sequence(analysis, said, small=small),
        experiments.distribution(frame, said, small=small),
        experiments.distribution(frame, said, "correct", small=small),
        experiments.cost(analysis, small=small),
    ]
    assert len({picture.name for picture in pictures}) == len(pictures)
    treatments = [arm.name for arm in said.routing.arms[1:]]
    for picture in pictures:
        assert all(arm in picture.alt for arm in treatments) or picture.name == "effects"
        if small:
            assert picture.figure.get_size_inches()[0] == SMALL[0]
    [first, *_] = analysis.primary
    assert words.relative_text(first) in pictures[1].alt
    assert f"{len(frame):,} units" in pictures[0].alt
    spent = sum(each.cost_usd for each in analysis.costs)
    assert f"${spent:,.4g}" in pictures[5].alt


def _title(analysis, said):
    return experiments.forest(analysis, said).figure.axes[0].get_title(loc="left")


def test_the_effects_say_how_sure_their_intervals_are():
    frame, said = told(300)
    assert _title(experiments.analyse(frame, said), said) == (
        "Effects, with\n95 % intervals, valid at every look"
    )
    frame, said = told(300, **THREE)
    assert _title(experiments.analyse(frame, said), said) == (
        "Effects, with\n95 to 97.5 % intervals, valid at every look"
    )
    frame, said = told(300, analysis={"rule": "fixed", "units": 600})
    assert _title(experiments.analyse(frame, said), said) == (
        "Effects, with\n95 to 97.5 % intervals for one look"
    )
    frame, said = told(300, analysis={"rule": "fixed", "units": 601})
    assert _title(experiments.analyse(frame, said), said) == (
        "Effects, with\n95 to 97.5 % intervals for one look, guardrails at every look"
    )


def test_the_plan_is_drawn_with_what_is_planned():
    plan = experiments.plan(experiments.load("cheaper-model"), units_per_day=200)
    assert f"{plan.units:,} units" in experiments.power(plan).alt
    table = experiments.plan_table(plan)["plan"]
    assert table["units of all arms"] == "1,600" and table["days"] == "8.0"


def test_too_little_is_a_figure_too():
    frame, said = told(3)
    analysis = experiments.analyse(frame, said)
    assert "none to show" in experiments.forest(analysis, said).alt
    assert "no look yet" in experiments.sequence(analysis, said).alt
    assert "no unit yet" in experiments.split(frame.iloc[:0], said).alt
    assert "no value yet" in experiments.distribution(frame.iloc[:0], said).alt


@pytest.mark.parametrize("per_arm", [300, 4000])
def test_the_memo_is_one_page_that_needs_nothing_else(per_arm):
    frame, said = told(per_arm, hypothesis="Cheaper <b>and</b> as good.")
    analysis = experiments.analyse(frame, said)
    page = experiments.memo_page(analysis, said, frame)
    assert f"<h1>{experiments.headline(analysis)}</h1>" in page
    assert page.index("<h1>") < page.index(str(analysis.verdict.reasons[0])[:20])
    assert "Cheaper &lt;b&gt;and&lt;/b&gt; as good." in page
    assert said.digest in page and "version 1" in page
    assert page.count('<img src="data:image/png;base64,') == page.count("<img") == 6
    assert all(re.findall(r'<img [^>]*alt="[^"]{20,}"', page))
    assert "http" not in re.sub(r"data:image/png;base64,[\w+/=]+|http-equiv", "", page)
    for name in ("correct", "latency", "errors", "cost"):
        assert name in page
    assert analysis.verdict.decision in DECISIONS
    more = analysis.verdict.units_more_needed
    assert (f"{more:,} more units" in page) if more else "more units" not in page


def test_a_broken_split_is_seen_at_once():
    frame, said = told(1500)
    lost = frame[(frame["arm"] == "control") | (frame.index % 3 > 0)]
    analysis = experiments.analyse(lost, said)
    page = experiments.memo_page(analysis, said, lost)
    assert analysis.sample_ratio.is_broken
    assert "Cannot tell yet" in page and "MISMATCH" in page
    assert "MISMATCH" in experiments.checks(analysis)[0]


def test_numbers_are_written_as_people_write_them():
    said = experiments.load("cheaper-model")
    cost, correct, latency = (said.metric(name) for name in ("cost", "correct", "latency"))
    assert words.value_text(cost, 0.0004791) == "$0.000479"
    assert words.value_text(cost, -0.000131, signed=True) == "\u2212$0.000131"
    assert words.value_text(correct, 0.9412) == "94.1 %"
    assert words.value_text(correct, -0.021, signed=True) == "\u22122.1 points"
    assert words.value_text(latency, 1073.2) == "1,073 ms"
    assert words.value_text(latency, float("nan")) == "\u2013"
    assert words.percent_text(0.0312) == "+3.1 %" and words.percent_text(None) == "\u2013"
    assert words.p_text(0.0004) == "< 0.001" and words.p_text(0.0311) == "0.031"
