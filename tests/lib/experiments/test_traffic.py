"""Who asks what: the same crowd each time, users that stay themselves, no two texts alike."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from gateway_lib.experiments.traffic import Crowd, planned, traffic_summary
from gateway_lib.settings import PROJECT_ROOT
from gateway_lib.simulator.questions import load_questions

CROWD = Crowd(users=200, calls=5, streamed=0.25)


def test_a_crowd_is_the_same_for_the_same_seed():
    calls = planned(CROWD)
    assert calls == planned(CROWD) != planned(Crowd(users=200, calls=5, streamed=0.25, seed=2))
    each = Counter(call.user for call in calls)
    assert len(each) == 200 and min(each.values()) >= 1
    assert 4.5 < len(calls) / 200 < 5.5
    assert 0.2 < sum(call.streamed for call in calls) / len(calls) < 0.3
    assert {call.interface for call in calls} == {"openai", "bedrock"}
    of = {call.user: call.interface for call in calls}
    assert all(of[call.user] == call.interface for call in calls), "a user keeps his client"


def test_calls_of_all_users_are_mixed_and_each_users_are_in_order():
    calls = planned(CROWD)
    assert len({call.user for call in calls[:100]}) > 70
    turns: dict[str, int] = {}
    for call in calls:
        assert call.turn == turns.get(call.user, 0) + 1
        turns[call.user] = call.turn


def test_every_question_is_asked_about_as_often_and_no_text_twice():
    calls = planned(CROWD)
    known = load_questions(PROJECT_ROOT / "config" / "questions" / "general.jsonl")
    asked = Counter(call.question.id for call in calls)
    assert len(asked) == len(known.questions) and max(asked.values()) - min(asked.values()) <= 1
    texts = [call.text("Answer briefly.") for call in calls]
    assert len(set(texts)) == len(texts)
    assert all(
        known.recognise(text) == call.question for text, call in zip(texts, calls, strict=True)
    )


def test_what_became_of_the_calls_is_said():
    row = {"user": "a", "arm": "control", "error": None, "correct": True, "feedback": 200}
    outside = {**row, "arm": None, "feedback": None}
    failed = {**row, "arm": None, "error": "APIError: no", "correct": None, "feedback": None}
    lost = {**row, "user": "b", "feedback": 404}
    said = traffic_summary(pd.DataFrame([row, outside, failed, lost]))
    assert said == (
        "4 calls of 2 users, 1 failed; the first: APIError: no; 1 outside the experiment;"
        " 1 without their feedback"
    )
