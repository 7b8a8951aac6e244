"""Figures and examples: they say what the table says, and show nothing that leaked unless asked."""

from __future__ import annotations

import pytest
from matplotlib import pyplot as plt

from gateway_lib import guardrails
from gateway_lib.guardrails.figures.heatmap import leak_table
from gateway_lib.guardrails.leaks import redacted
from gateway_lib.guardrails.suite import load_suite

from .checks import check, table


@pytest.fixture(scope="module")
def suite():
    return load_suite("starting")


@pytest.fixture(scope="module")
def frame(suite):
    """Everything disguised leaks, over one interface; everything else does what it should."""
    return table(
        *(
            check(
                case.id,
                case.expected,
                "allow" if case.obfuscation != "none" and interface == "openai" else case.expected,
                category=case.category,
                obfuscation=case.obfuscation,
                place=case.place,
                severity=case.severity,
                interface=interface,
            )
            for case in suite.cases
            for interface in ("openai", "bedrock")
        )
    )


def test_the_heat_map_counts_cases(frame, suite):
    leaks = leak_table(frame)
    assert leaks["leaks"]["none"].sum() == 0
    asked = [c for c in suite.cases if c.expected != "allow"]
    disguised = [c for c in asked if c.obfuscation != "none"]
    assert leaks["leaks"].sum().sum() == len(disguised)
    assert leaks["of"].sum().sum() == len(asked), "a case asked twice counts once"
    picture = guardrails.heatmap(frame)
    words = f"base64 {leaks['of']['base64'].sum():.0f} of {leaks['of']['base64'].sum():.0f}"
    assert words in picture.alt and "none 0 of" in picture.alt
    places = guardrails.heatmap(frame, "place")
    assert "tool_result 0 of" in places.alt
    rates = guardrails.rates_picture(frame)
    assert "not streamed" in rates.alt
    for each in (picture, places, rates):
        plt.close(each.figure)


@pytest.mark.parametrize("columns", ["obfuscation", "place"])
@pytest.mark.parametrize("rows", [(), (check("l-1", "allow", "allow"),)])
def test_no_case_to_show_is_a_figure_too(rows, columns):
    picture = guardrails.heatmap(table(*rows), columns)
    assert picture.name == f"leaks-{columns}" and "no case to block or mask" in picture.alt
    plt.close(picture.figure)


def test_examples_keep_the_shape_and_no_more(frame, suite):
    shown = guardrails.examples(frame, suite, most=None)
    disguised = {c.id: c for c in suite.cases if c.expected != "allow" and c.obfuscation != "none"}
    assert set(shown.index) == set(disguised)
    severities = [("critical", "high", "medium", "low").index(name) for name in shown["severity"]]
    assert severities == sorted(severities), "the worst first"
    assert set(shown["ways"]) == {"1 of 2"}
    for name, text in shown["text"].items():
        assert len(text) == len(disguised[name].text) and text == redacted(disguised[name].text)
        assert not any(char.isalnum() and char not in "xX0" for char in text)
    told = guardrails.examples(frame, suite, most=3, reveal=True)
    assert [disguised[name].text for name in told.index] == told["text"].tolist()
    assert guardrails.examples(frame, suite, kind="false_alarm").empty


def test_redaction():
    assert redacted("Card 4111-22, Ärger äß") == "Xxxx 0000-00, Xxxxx xx"
    assert redacted("a\u200bb") == "x.x"
