"""The analysis of outcomes whose truth is known."""

import json
import time

import numpy as np
import pandas as pd
import pytest

from gateway_lib.errors import DesignRefused, OutcomesUnusable
from gateway_lib.experiments.analysis import analyse
from gateway_lib.experiments.bandit import inverse_propensity, next_weights
from gateway_lib.experiments.calibration import calibrate
from gateway_lib.experiments.design import plan
from tests.lib.experiments.outcomes import BEGAN, experiment, outcomes


def margin(of: float) -> list[dict[str, object]]:
    return [{"metric": "correct", "margin": of}]


@pytest.mark.parametrize("rule", ["fixed", "sequential"])
@pytest.mark.parametrize("seed", range(4))
def test_the_known_truth_leads_to_its_verdicts(rule: str, seed: int) -> None:
    analysis = {"rule": rule, "units": 8000}
    wide = experiment(guardrails=margin(0.05), analysis=analysis)
    narrow = experiment(guardrails=margin(0.01), analysis=analysis)
    frame = outcomes(4000, seed=seed, correct=0.95)
    assert analyse(frame, wide).verdict.decision == "ship"
    assert analyse(frame, narrow).verdict.decision in ("do not ship", "cannot tell yet")
    tenth = analyse(outcomes(400, seed=seed, correct=0.95), wide).verdict
    assert tenth.decision == "cannot tell yet"
    assert tenth.units_more_needed is not None
    assert tenth.units_more_needed >= 7200


def test_a_worse_arm_is_not_shipped_and_a_violated_guardrail_stops() -> None:
    worse = analyse(outcomes(3000, cheaper=-0.2), experiment())
    assert worse.verdict.decision == "do not ship"
    stops = experiment(guardrails=[{"metric": "correct", "margin": 0.05, "stops": True}])
    broken = analyse(outcomes(3000, less_correct=0.2), stops)
    assert broken.verdict.decision == "do not ship"
    assert [each.metric for each in broken.stop] == ["correct"]


def test_no_improvement_of_the_mde_at_the_planned_units_is_not_shipped() -> None:
    told = analyse(
        outcomes(4000, cheaper=0.0, less_correct=0.0),
        experiment(analysis={"rule": "fixed", "units": 8000}),
    )
    assert told.primary[0].better is None
    assert told.verdict.decision == "do not ship"


def test_arms_without_the_units_of_their_weights_tell_nothing() -> None:
    frame = outcomes(4000)
    lost = frame[(frame["arm"] == "control") | (np.arange(len(frame)) % 5 > 0)]
    for rule in ("fixed", "sequential"):
        told = analyse(lost, experiment(analysis={"rule": rule, "units": 7000}))
        assert told.sample_ratio.is_broken
        assert told.verdict.decision == "cannot tell yet"
        assert "weights" in told.verdict.reasons[0]


def test_a_unit_in_two_arms_tells_nothing() -> None:
    frame = outcomes(500)
    frame.loc[frame["arm"] == "candidate", "unit"] = frame.loc[
        frame["arm"] == "control", "unit"
    ].to_numpy()
    told = analyse(frame, experiment())
    assert told.sample_ratio.crossed == 500
    assert told.verdict.decision == "cannot tell yet"


def test_calls_that_another_model_answered_are_shown_and_doubted() -> None:
    frame = outcomes(4000)
    spilled = (frame["arm"] == "candidate") & (np.arange(len(frame)) % 5 == 0)
    frame["fell_back"] = spilled.to_numpy()
    told = analyse(frame, experiment())
    candidate = told.served[1]
    assert candidate.fell_back == int(spilled.sum())
    assert candidate.served + candidate.fell_back == candidate.assigned == 4000
    assert not told.sample_ratio.is_broken
    assert told.served_ratio.is_broken
    assert told.verdict.decision == "cannot tell yet"


def test_open_and_failed_calls_are_counted_and_have_no_figure() -> None:
    frame = outcomes(2000)
    frame["ended"] = np.arange(len(frame)) >= 100
    frame["failed"] = np.where(frame["ended"], np.arange(len(frame)) % 50 == 0, None)
    frame.loc[~frame["ended"], ["cost_usd", "latency_ms"]] = np.nan
    told = analyse(frame, experiment(secondary=["errors"]))
    assert sum(each.open for each in told.served) == 100
    assert sum(each.failed for each in told.served) == int((frame["failed"] == True).sum())  # noqa: E712
    assert told.primary[0].calls_control + told.primary[0].calls_arm == 3900
    assert told.secondary[0].metric == "errors"


def test_sticky_units_are_compared_and_not_their_calls() -> None:
    document = {**experiment().routing.model_dump(mode="json"), "unit": "user"}
    told = analyse(
        outcomes(5000, calls_per_unit=5, icc=0.3),
        experiment(routing=document, analysis={"units": 2000, "calls_per_unit": 5, "icc": 0.3}),
    )
    assert told.primary[0].n_arm == 1000
    assert told.primary[0].calls_arm == 5000
    assert "delta method over units" in told.primary[0].method


def test_looks_hold_together_and_end_with_the_effect() -> None:
    told = analyse(outcomes(3000), experiment())
    looks = told.looks[0]
    assert looks.always_valid
    assert len(looks.moments) == 30
    assert looks.estimate[-1] == pytest.approx(told.primary[0].absolute)
    assert (looks.low[-1], looks.high[-1]) == pytest.approx(
        (told.primary[0].low, told.primary[0].high)
    )
    assert list(looks.n_units) == sorted(looks.n_units)


def test_until_a_moment_only_what_was_assigned_by_then_counts() -> None:
    half = analyse(
        outcomes(2000), experiment(), at=(BEGAN + pd.Timedelta(days=3.5)).to_pydatetime()
    )
    assert 1800 < sum(half.n_calls.values()) < 2200


def test_secondary_metrics_are_corrected() -> None:
    frame = outcomes(4000, faster=0.0)
    for correction in ("holm", "bh"):
        analysis = {"rule": "fixed", "units": 8000, "correction": correction}
        told = analyse(frame, experiment(analysis=analysis))
        assert all(each.p_adjusted >= each.p_value for each in told.secondary)
        assert not any(each.significant for each in told.secondary)


def test_a_covariate_from_before_narrows_the_interval() -> None:
    frame = outcomes(1000)
    pre = pd.DataFrame(
        {
            "cost_usd": frame["cost_usd"].to_numpy()
            * np.random.default_rng(1).uniform(0.8, 1.2, 2000)
        },
        index=frame["unit"],
    ).iloc[:1900]
    plain = analyse(frame, experiment()).primary[0]
    reduced = analyse(frame, experiment(), pre=pre).primary[0]
    assert reduced.variance_reduction is not None
    assert reduced.variance_reduction > 0.6
    assert reduced.high - reduced.low < 0.7 * (plain.high - plain.low)


def test_shadows_are_analysed_by_pairs() -> None:
    frame = outcomes(600)
    frame = frame.sort_values("arm", kind="stable").reset_index(drop=True)
    frame["pair"] = [f"p{i % 600}" for i in range(1200)]
    frame["unit"] = frame["pair"]
    shared = np.tile(np.random.default_rng(2).lognormal(size=600), 2)
    frame["cost_usd"] = shared * np.where(frame["arm"] == "candidate", 0.8, 1.0)
    routing = {**experiment().routing.model_dump(mode="json"), "mode": "shadow"}
    told = analyse(frame, experiment(routing=routing))
    assert "paired" in told.primary[0].method
    assert not told.sample_ratio.is_broken
    assert told.primary[0].relative == pytest.approx(-0.2)
    unpaired = analyse(frame.assign(pair=None), experiment(guardrails=[]))
    assert unpaired.sample_ratio.crossed == 600


def test_what_is_not_there_is_refused_and_named() -> None:
    told = analyse(outcomes(1000).drop(columns="feedback.correct"), experiment())
    assert [(each.metric, "feedback.correct" in each.reason) for each in told.refused] == [
        ("correct", True)
    ]
    assert told.verdict.decision == "cannot tell yet"
    few = analyse(outcomes(15), experiment())
    assert "n too small" in few.verdict.reasons[0]
    with pytest.raises(OutcomesUnusable, match="no column"):
        analyse(pd.DataFrame({"arm": ["control"]}), experiment())
    with pytest.raises(OutcomesUnusable):
        analyse(outcomes(10).iloc[:0], experiment())


def test_several_treatments_share_alpha() -> None:
    names = ("control", "candidate", "other")
    arms = [{"name": name, "model": name} for name in names]
    routing = {**experiment().routing.model_dump(mode="json"), "arms": arms}
    told = analyse(outcomes(3000, correct=0.95, arms=names), experiment(routing=routing))
    assert [each.arm for each in told.primary] == ["candidate", "other"]
    assert all(each.p_adjusted >= each.p_value for each in told.primary)
    assert told.verdict.arm in ("candidate", "other")


def test_an_analysis_is_written_as_json() -> None:
    document = analyse(outcomes(300), experiment()).document()
    assert json.loads(json.dumps(document, allow_nan=False))["verdict"]["decision"]


def test_a_plan_says_units_calls_days_and_curves() -> None:
    primary = {"metric": "cost", "mde": 0.1, "baseline": 0.0006, "deviation": 0.0003}
    fixed = plan(experiment(primary=primary, analysis={"rule": "fixed"}), units_per_day=100)
    sequential = plan(experiment(primary=primary, analysis={"rule": "sequential"}))
    assert fixed.power == pytest.approx(0.8, abs=0.005)
    assert fixed.days == pytest.approx(fixed.units / 100)
    assert 1.6 < sequential.units / fixed.units < 1.8
    assert [power for _, power in fixed.curve] == sorted(power for _, power in fixed.curve)
    piloted = plan(experiment(analysis={"rule": "fixed"}), pilot=outcomes(500))
    assert piloted.units > 100
    with pytest.raises(DesignRefused, match="baseline"):
        plan(experiment(analysis={"rule": "fixed"}))


def test_the_control_does_not_differ_from_itself() -> None:
    told = calibrate(outcomes(1500), experiment(), draws=150)
    assert told.false_positives < 0.12
    assert len(told.p_values) == 150
    assert told.uniform_p > 0.001


def test_the_bandit_prefers_the_better_arm_and_keeps_a_floor() -> None:
    frame = outcomes(1000)
    weights = next_weights(frame, experiment(), floor=0.1)
    assert weights["candidate"] == pytest.approx(0.9, abs=0.01)
    assert sum(weights.values()) == pytest.approx(1)
    with pytest.raises(DesignRefused, match="floor"):
        next_weights(frame, experiment(), floor=0.6)


def test_inverse_propensities_undo_changing_weights() -> None:
    first, second = outcomes(2000, seed=1), outcomes(2000, seed=2).assign(version=2)
    # the second version has twice the costs and few calls of the control: a plain mean would be too low
    second = second[(second["arm"] != "control") | (np.arange(4000) % 5 == 0)]
    second = second.assign(cost_usd=second["cost_usd"] * 2)
    shares = {1: {"control": 0.5, "candidate": 0.5}, 2: {"control": 0.1, "candidate": 0.9}}
    frame = pd.concat([first, second])
    told = {each.arm: each for each in inverse_propensity(frame, "cost_usd", shares)}
    plain = frame.loc[frame["arm"] == "control", "cost_usd"].mean()
    assert told["control"].value > 1.1 * plain
    assert told["control"].error > 0


def test_a_million_outcomes_take_less_than_five_seconds() -> None:
    frame = outcomes(500_000, calls_per_unit=5, icc=0.2)
    routing = {**experiment().routing.model_dump(mode="json"), "unit": "user"}
    guardrails = [
        {"metric": "correct", "margin": 0.05},
        {"metric": "latency", "margin": 0.1, "relative": True},
    ]
    wanted = experiment(
        routing=routing,
        secondary=["latency", "latency_p95", "output_tokens", "cost_per_1k_tokens", "errors"],
        guardrails=guardrails,
        analysis={"units": 200_000, "calls_per_unit": 5, "icc": 0.2},
    )
    began = time.process_time()
    told = analyse(frame, wanted)
    assert time.process_time() - began < 5
    assert told.verdict.decision == "ship"
