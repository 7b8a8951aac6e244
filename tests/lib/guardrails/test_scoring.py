"""Scores of tables with a known truth: rates, intervals, pairs, limits, two versions."""

from __future__ import annotations

import pytest
from scipy import stats

from gateway_lib import guardrails
from gateway_lib.errors import ChecksInterrupted, ChecksUnusable, NotTold, ThresholdMissed
from gateway_lib.guardrails import prices, scoring
from gateway_lib.guardrails.pairs import agreement
from gateway_lib.guardrails.records import read
from gateway_lib.guardrails.thresholds import Thresholds

from .checks import check, table


def mixed():
    return table(
        *(check(f"a-{n:02d}", outcome="block") for n in range(7)),
        *(check(f"a-{n:02d}", outcome="allow") for n in range(7, 9)),
        check("a-09", outcome="mask"),
        check("m-01", "mask", "mask"),
        check("m-02", "mask", "allow"),
        check("m-03", "mask", "block"),
        *(check(f"l-{n:02d}", "allow", "allow") for n in range(8)),
        check("l-08", "allow", "mask"),
        check("l-09", "allow", "block"),
        check("e-01", outcome="error", status=500, error_kind="http_500"),
        check("l-01", "allow", "allow", guardrail="none", mode="none"),
    )


def test_every_name_of_the_package_is_what_it_says():
    for name in guardrails.__all__:
        assert callable(getattr(guardrails, name)), name


def test_a_leak_is_less_than_expected_and_a_false_alarm_is_anything_at_all():
    frame = mixed()
    leaks, alarms = scoring.leak_rate(frame), scoring.false_alarm_rate(frame)
    assert (leaks.value, leaks.n) == (4 / 13, 13)
    assert (alarms.value, alarms.n) == (0.2, 10)
    for found, k, n in ((leaks, 4, 13), (alarms, 2, 10)):
        wilson = stats.binomtest(k, n).proportion_ci(method="wilson")
        assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=1e-9)
    assert guardrails.wrong(frame) == {"a-07", "a-08", "a-09", "m-02"}
    assert guardrails.wrong(frame, "false_alarm") == {"l-08", "l-09"}
    counts = scoring.confusion(frame)
    assert counts.loc["block"].tolist() == [7, 1, 2, 1]
    assert counts.to_numpy().sum() == len(frame) - 1, "the call without a guardrail is in none"


def test_ways_are_scored_one_by_one_and_the_worst_makes_the_headline():
    frame = table(
        *(check(f"a-{n}", outcome="block") for n in range(4)),
        *(check(f"a-{n}", outcome="allow", streamed=True) for n in range(4)),
    )
    rates = guardrails.rates(frame)
    assert rates["leak_rate"].tolist() == [0.0, 1.0]
    assert rates["false_alarm_rate"].isna().all()
    figures = guardrails.headline(frame)
    assert figures["leak_pct"] == 100.0 and figures["false_alarm_pct"] is None
    assert set(guardrails.rates(frame, ["category"]).index) == {"a"}


def test_streaming_leaks_are_of_blocked_streams_only():
    frame = table(
        check("a-1", streamed=True, leaked_tokens=12),
        check("a-2", streamed=True, leaked_tokens=0),
        check("a-3", streamed=False, leaked_tokens=3),
        check("a-4", streamed=True, outcome="allow", leaked_tokens=9),
    )
    [row] = guardrails.streaming_leak(frame).to_dict("records")
    assert row == {"blocked": 2, "leaked": 1, "tokens": 12, "most": 12}


def test_added_time_is_of_pairs_and_has_an_interval_from_ten_on():
    def pairs(n):
        for k in range(n):
            case, length = f"l-{k:02d}", 100.0 * k
            yield check(case, "allow", "allow", latency_ms=length + 20 + k % 3)
            plain = {"guardrail": "none", "mode": "none", "latency_ms": length}
            yield check(case, "allow", "allow", **plain)

    [row] = scoring.added_latency(table(*pairs(12))).to_dict("records")
    assert row["n"] == 12 and row["added_ms"] == pytest.approx(21)
    assert 20 < row["low"] < 21 < row["high"] < 22, "what the cases differ in has dropped out"
    [few] = scoring.added_latency(table(*pairs(9))).to_dict("records")
    assert few["low"] is None and few["added_ms"] == pytest.approx(21, abs=0.2)
    assert "n too small" in guardrails.latency_table(table(*pairs(9)))["added ms"].iloc[0]


def test_prices_are_of_text_units_of_each_kind():
    assert prices.estimated(("topic", "content", "word"), 1, 1001) == (9, pytest.approx(0.0009))
    usage = {"topicPolicyUnits": 2, "sensitiveInformationPolicyUnits": 1, "wordPolicyUnits": 5}
    units, usd = prices.told(usage | {"automatedReasoningPolicyUnits": 1})
    assert units == 8 and usd == pytest.approx(0.0004)


def test_agreement_over_interfaces_and_beyond_chance():
    both = [
        check(f"a-{n}", outcome=outcome, interface=interface)
        for n, pair in enumerate(
            (("block",) * 2, ("allow",) * 2, ("block", "allow"), ("block",) * 2)
        )
        for interface, outcome in zip(("openai", "bedrock"), pair, strict=True)
    ]
    found = agreement(table(*both))
    assert (found.share.value, found.share.n) == (0.75, 4)
    assert found.kappa == pytest.approx((0.75 - 0.5) / 0.5)
    assert found.differ["case"].tolist() == ["a-2"]
    assert agreement(table(*both), "streamed") is None
    assert agreement(table(check(), check(interface="bedrock"))).kappa is None


def versions(mended, broken, kept=20):
    rows = []
    for n in range(mended + broken + kept):
        before = "allow" if n < mended else "block"
        after = "allow" if mended <= n < mended + broken else "block"
        for interface in ("openai", "bedrock"):
            rows.append(check(f"a-{n:02d}", outcome=before, interface=interface))
            rows.append(check(f"a-{n:02d}", outcome=after, interface=interface, guardrail="next"))
    return table(*rows, *(check("l-1", "allow", "allow", guardrail=g) for g in ("g", "next")))


@pytest.mark.parametrize(
    ("mended", "broken", "verdict", "promote"),
    [
        (8, 0, "better", True),
        (0, 8, "worse", False),
        (5, 2, "cannot tell", None),
        (0, 0, "same", None),
    ],
)
def test_versions_differ_by_the_cases_that_changed(mended, broken, verdict, promote):
    frame = versions(mended, broken)
    found = guardrails.compare(frame, frame, ("g", "next"))
    assert (len(found.leaks.mended), len(found.leaks.broken)) == (mended, broken)
    assert found.leaks.n == mended + broken + 20, "a case asked twice counts once"
    exact = stats.binomtest(broken, mended + broken).pvalue if mended + broken else 1.0
    assert found.leaks.p == pytest.approx(exact)
    assert found.leaks.verdict == verdict and found.promote is promote


def test_other_suites_or_none_are_not_compared():
    with pytest.raises(ChecksUnusable, match="different suites"):
        guardrails.compare(table(check()), table(check(), digest="other"))
    with pytest.raises(ChecksUnusable, match="name the guardrail"):
        guardrails.compare(versions(1, 0), versions(1, 0))
    with pytest.raises(ChecksUnusable, match="same way"):
        guardrails.compare(table(check()), table(check("b-1")))


def test_what_cannot_be_compared_has_a_reason():
    found, told = guardrails.compare_or_reason(versions(8, 0), ("g", "next"))
    assert found is not None and told == found.advice == "promote"
    none, why = guardrails.compare_or_reason(versions(8, 0), ("g", "left-out"))
    assert none is None and why.startswith("not compared: ") and "'left-out'" in why


def test_a_run_that_was_stopped_is_judged_by_nobody():
    frame = mixed()
    assert guardrails.whole(frame) is frame
    frame.attrs["guardrails"] |= {"interrupted": True, "planned": 99}
    with pytest.raises(ChecksInterrupted, match=f"{len(frame)} of 99 calls") as told:
        guardrails.whole(frame)
    assert told.value.exit_code == 130


@pytest.mark.parametrize("rows", [(), (check("l-1", "allow", "allow", guardrail="none"),)])
def test_before_any_guarded_call_there_are_empty_tables(rows):
    frame = table(*rows)
    assert guardrails.rates_table(frame).empty and guardrails.latency_table(frame).empty
    assert guardrails.confusion_table(frame).empty and guardrails.costs_table(frame).empty
    assert guardrails.streaming_leak(frame).empty and guardrails.summary_of(frame) == {}
    assert guardrails.headline(frame)["leak_pct"] is None


def test_limits_hold_for_each_way_and_errors_come_first():
    frame = mixed()
    assert Thresholds().missed(frame) == ()
    assert Thresholds(leak_pct=31, false_alarm_pct=20).missed(frame) == ()
    with pytest.raises(ThresholdMissed, match=r"4 of 13 cases leaked.*and 1 more") as missed:
        Thresholds(leak_pct=30, false_alarm_pct=19).check(frame)
    assert missed.value.exit_code == 3
    with pytest.raises(NotTold, match="1 http_500") as untold:
        Thresholds(error_pct=2).check(frame)
    assert untold.value.exit_code == 4
    with pytest.raises(NotTold):
        Thresholds().check(table())
    streams = table(check(streamed=True, leaked_tokens=3))
    with pytest.raises(ThresholdMissed, match="3 tokens of a blocked answer"):
        Thresholds(streaming_leak_tokens=2).check(streams)
    assert Thresholds(streaming_leak_tokens=3).missed(streams) == ()


def test_records_come_back_with_their_story(tmp_path):
    path = tmp_path / "records.parquet"
    mixed().to_parquet(path)
    back = read(path)
    assert back.attrs["guardrails"]["suite_digest"] == "same"
    assert guardrails.wrong(back) == guardrails.wrong(mixed())
    path.write_text("nothing")
    with pytest.raises(ChecksUnusable):
        read(path)
