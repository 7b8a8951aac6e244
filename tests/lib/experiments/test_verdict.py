"""What forbids a verdict, what does not, and when a fixed horizon is judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from gateway_lib import experiments
from gateway_lib.experiments.analysis import analyse
from gateway_lib.experiments.design import planned_units
from gateway_lib.experiments.results import Analysis
from tests.lib.experiments.outcomes import experiment, outcomes

from .kept import told as kept

LATENCY: dict[str, Any] = {
    "primary": {"metric": "latency", "mde": 0.1},
    "secondary": [],
    "guardrails": [],
}
FIXED = {"rule": "fixed", "units": 2000}


def slowest_failed(frame: pd.DataFrame, share: float = 0.15) -> pd.DataFrame:
    """The candidate's slowest calls fail: without latency and cost."""
    mine = frame["arm"] == "candidate"
    failed = mine & (frame["latency_ms"] > frame.loc[mine, "latency_ms"].quantile(1 - share))
    frame = frame.assign(failed=failed, status=np.where(failed, 500, 200))
    return frame.assign(
        latency_ms=frame["latency_ms"].where(~failed), cost_usd=frame["cost_usd"].where(~failed)
    )


def sticky(**changed: Any) -> Any:
    routing = {**experiment().routing.model_dump(mode="json"), "unit": "user"}
    return experiment(routing=routing, **changed)


def said(told: Analysis) -> tuple[Any, ...]:
    """What a look says: all but what was spent."""
    return (told.verdict, told.primary, told.secondary, told.guardrails, told.at, told.n_calls)


@pytest.mark.parametrize("rule", ["fixed", "sequential"])
def test_an_arm_that_fails_its_slowest_calls_does_not_win_by_the_others(rule: str) -> None:
    wanted = experiment(**LATENCY, analysis={"rule": rule, "units": 6000})
    told = analyse(slowest_failed(outcomes(3000, faster=0.0)), wanted)
    assert told.primary[0].better, "by what is left it looks faster"
    assert told.verdict.decision == "cannot tell yet"
    assert told.verdict.reasons[0].startswith(
        "100.0% of the control's calls have a latency_ms, and 85.0% of candidate's"
    )
    assert told.verdict.units_more_needed is None
    assert analyse(outcomes(3000), wanted).verdict.decision == "ship"


def failing(frame: pd.DataFrame, share: float) -> pd.DataFrame:
    """That share of the candidate's calls, at random, has no latency; a thousandth of the control's."""
    rng = np.random.default_rng(8)
    lost = rng.random(len(frame)) < np.where(frame["arm"] == "candidate", share, 0.001)
    return frame.assign(latency_ms=frame["latency_ms"].where(~lost))


def test_what_is_missing_of_many_calls_forbids_only_where_it_matters() -> None:
    frame = outcomes(60_000)
    wanted = experiment(**LATENCY, analysis={"rule": "sequential", "units": 120_000})
    told = analyse(failing(frame, 0.002), wanted)
    lost = failing(frame, 0.002).groupby("arm", observed=True)["latency_ms"].agg(["count", "size"])
    counts = [[row["count"], row["size"] - row["count"]] for _, row in lost.iterrows()]
    assert chi2_contingency(counts).pvalue < 1e-4, "surely a difference, and of a thousandth"
    assert told.verdict.decision == "ship" and not told.notes
    told = analyse(failing(frame, 0.006), wanted)
    assert told.verdict.decision == "cannot tell yet"
    assert "99.4% of candidate's" in told.verdict.reasons[0]


def test_neither_does_a_guardrail_hold_by_the_others() -> None:
    frame = outcomes(4000)
    lost = slowest_failed(frame)[["latency_ms"]]
    latency = [{"metric": "latency", "margin": 0.1, "relative": True}]
    told = analyse(frame.assign(**lost), experiment(guardrails=latency))
    assert told.primary[0].better and told.guardrails[0].holds
    assert told.verdict.decision == "cannot tell yet"
    assert "latency_ms" in told.verdict.reasons[0]


def test_the_denominator_of_a_ratio_must_be_there_too() -> None:
    frame = outcomes(4000)
    lost = (frame["arm"] == "candidate") & (np.arange(len(frame)) % 7 == 0)
    frame["output_ktokens"] = frame["output_ktokens"].where(~lost)
    ratio = {"metric": "cost_per_1k_tokens", "mde": 0.1}
    told = analyse(frame, experiment(primary=ratio, secondary=[], guardrails=[]))
    assert told.primary[0].better
    assert told.verdict.decision == "cannot tell yet"
    assert "output_ktokens" in told.verdict.reasons[0]


def test_what_is_missing_does_not_hide_that_it_is_worse_and_is_in_the_memo() -> None:
    frame, wanted = kept(3000)
    lost = slowest_failed(frame)
    lost.attrs = frame.attrs
    told = analyse(lost, wanted)
    assert told.verdict.decision == "do not ship", "15 % of errors, where 2 % are acceptable"
    page = experiments.memo_page(told, wanted, lost)
    assert "85.0% of candidate&#39;s" in page.split("Hypothesis")[0]


def test_a_control_at_nothing_is_no_division() -> None:
    frame = outcomes(500)
    errors = {"metric": "errors", "mde": 0.1}
    told = analyse(frame, experiment(primary=errors, secondary=[], guardrails=[]))
    assert told.primary[0].absolute == told.primary[0].control_value == 0
    assert told.verdict.decision == "cannot tell yet"
    assert told.verdict.units_more_needed == 7000


def test_a_fixed_horizon_gives_at_every_later_look_what_it_gave_at_the_first() -> None:
    frame = outcomes(12_500, calls_per_unit=5, icc=0.2, correct=0.95)
    frame["assigned_at"] = frame["assigned_at"].dt.floor("us")
    pre = pd.DataFrame({"cost_usd": frame.groupby("unit")["cost_usd"].mean()}).iloc[::2]
    wanted = sticky(analysis=FIXED)
    planned = frame.drop_duplicates("unit")["assigned_at"].iloc[1999]
    first = analyse(frame, wanted, at=planned.to_pydatetime(), pre=pre)
    assert sum(first.n_units.values()) == 2000 and first.at == planned
    assert sum(first.n_calls.values()) == (frame["assigned_at"] <= planned).sum() > 2000
    for later in (planned + pd.Timedelta(days=1), frame["assigned_at"].max()):
        again = analyse(frame, wanted, at=later.to_pydatetime(), pre=pre)
        assert said(again) == said(first)
        assert "a fixed horizon is judged once" in again.notes[0]
    before = planned - pd.Timedelta(microseconds=1)
    waiting = analyse(frame, wanted, at=before.to_pydatetime()).verdict
    assert (waiting.decision, waiting.units_more_needed) == ("cannot tell yet", 1)


def test_a_pair_is_there_when_both_its_calls_are() -> None:
    frame = outcomes(200)
    for seed, arm in enumerate(("control", "candidate")):
        order = np.random.default_rng(seed).permutation(200)
        frame.loc[frame["arm"] == arm, "pair"] = [f"p{i}" for i in order]
    frame["unit"] = frame["pair"]
    told = analyse(frame, experiment(analysis={"rule": "fixed", "units": 150}))
    assert told.primary[0].n_arm == 150
    assert min(told.n_units.values()) >= 150 and sum(told.n_calls.values()) < 400


def test_no_more_units_are_asked_for_after_a_fixed_horizon() -> None:
    frame = outcomes(250, cheaper=0.05)
    told = analyse(frame, experiment(analysis={**FIXED, "units": 400}, guardrails=[]))
    assert told.verdict.decision == "cannot tell yet", "5 % are not shown, nor 10 % excluded"
    assert told.verdict.units_more_needed is None


def test_a_horizon_that_nobody_named_is_not_made_up_from_the_data() -> None:
    wanted = experiment(analysis={"rule": "fixed"})
    told = analyse(outcomes(4000, correct=0.95), wanted)
    assert told.planned_units is None
    assert told.verdict.decision == "cannot tell yet"
    assert "Nobody said when to look" in told.verdict.reasons[0]
    assert told.verdict.units_more_needed is None
    known = {"metric": "cost", "mde": 0.1, "baseline": 0.0006, "deviation": 0.0003}
    named = experiment(analysis={"rule": "fixed"}, primary=known)
    assert analyse(outcomes(4000, correct=0.95), named).planned_units == planned_units(named)


def test_guardrails_of_a_fixed_horizon_do_not_spend_alpha_twice() -> None:
    frame = outcomes(1000)
    waiting = analyse(frame, experiment(analysis={"rule": "fixed", "units": 2001})).guardrails[0]
    there = analyse(frame, experiment(analysis=FIXED)).guardrails[0]
    assert waiting.effect.always_valid and not there.effect.always_valid
    assert waiting.effect.level == there.effect.level == pytest.approx(0.975)


@pytest.mark.parametrize("rule", ["fixed", "sequential"])
def test_treatments_share_the_alpha_of_a_guardrail(rule: str) -> None:
    def judged(names: tuple[str, ...]) -> Analysis:
        arms = [{"name": name, "model": name} for name in names]
        routing = {**experiment().routing.model_dump(mode="json"), "arms": arms}
        units = 1000 * len(names)
        wanted = experiment(routing=routing, analysis={"rule": rule, "units": units})
        return analyse(outcomes(1000, arms=names), wanted)

    one = judged(("control", "candidate"))
    three = judged(("control", "candidate", "b", "c"))
    spent = 0.025 if rule == "fixed" else 0.05
    assert one.guardrails[0].effect.level == pytest.approx(1 - spent)
    assert {round(each.effect.level, 6) for each in three.guardrails} == {round(1 - spent / 3, 6)}
    assert {round(each.level, 6) for each in three.primary} == {round(1 - 0.05 / 3, 6)}
    assert len(three.guardrails) == 3


def test_a_violated_guardrail_is_told_although_other_models_answered() -> None:
    frame = outcomes(4000, less_correct=0.2)
    spilled = (frame["arm"] == "candidate") & (np.arange(len(frame)) % 5 == 0)
    frame["fell_back"] = spilled.to_numpy()
    stops = [{"metric": "correct", "margin": 0.05, "stops": True}]
    told = analyse(frame, experiment(guardrails=stops))
    assert told.served_ratio.is_broken and told.stop
    assert told.verdict.decision == "do not ship"
    assert "beyond its margin" in told.verdict.reasons[0]
    assert "own models did not answer" in told.verdict.reasons[1]


def test_arms_that_were_not_assigned_by_their_weights_void_a_violated_guardrail_too() -> None:
    frame = outcomes(4000, less_correct=0.2)
    lost = frame[(frame["arm"] == "control") | (np.arange(len(frame)) % 5 > 0)]
    told = analyse(lost, experiment())
    assert told.guardrails[0].holds is False
    assert told.verdict.decision == "cannot tell yet"


def test_a_worse_arm_is_not_shipped_although_other_models_answered() -> None:
    frame = outcomes(4000, cheaper=-0.2)
    frame["fell_back"] = ((frame["arm"] == "candidate") & (np.arange(8000) % 5 == 0)).to_numpy()
    told = analyse(frame, experiment())
    assert told.served_ratio.is_broken
    assert told.verdict.decision == "do not ship"
