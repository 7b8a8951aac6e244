"""What an answer says about a guardrail: blocks, masks, leaks, and failures that are none of these."""

from __future__ import annotations

import pytest

from gateway_lib.guardrails.outcomes import NOT_REPEATED, Answer, leaked_tokens, outcome_of
from gateway_lib.guardrails.suite import Assumed, Case, Suite

BLOCK = Case(id="b", category="b", texts=("bad word",), expected="block", owasp="LLM01")
MASK = Case(
    id="m",
    category="m",
    texts=("to a@example.com",),
    expected="mask",
    owasp="LLM02",
    secrets=("a@example.com",),
)
SUITE = Suite(
    name="s",
    policy=Assumed(policies=("word",), messages=("Sorry, no.", "Sorry, withheld.")),
    cases=(BLOCK, MASK),
)


def trace(action, source="inputAssessment"):
    word = {"wordPolicy": {"customWords": [{"match": "bad word", "action": action}]}}
    metrics = {"usage": {"wordPolicyUnits": 1, "topicPolicyUnits": 2}}
    told = word | {"invocationMetrics": metrics}
    inside = {"id": told} if source == "inputAssessment" else {"id": [told]}
    return {"guardrail": {source: inside}}


@pytest.mark.parametrize(
    ("case", "answer", "outcome"),
    [
        (BLOCK, {"text": "bad word"}, "allow"),
        (BLOCK, {"text": "Sorry, no."}, "block"),
        (BLOCK, {"text": "The request or its answer was blocked by a guardrail."}, "block"),
        (BLOCK, {"text": "bad Sorry, withheld."}, "block"),
        (BLOCK, {"text": "", "stopped": "guardrail_intervened"}, "block"),
        (BLOCK, {"text": "", "stopped": "content_filter"}, "block"),
        (BLOCK, {"text": "{WORD} here", "stopped": "guardrail_intervened"}, "mask"),
        (BLOCK, {"refusal": "Violated guardrail policy"}, "block"),
        (MASK, {"text": "to {EMAIL}"}, "mask"),
        (MASK, {"text": "to a@example.com and {EMAIL}"}, "allow"),
        (MASK, {"text": "to a@example.com"}, "allow"),
        (MASK, {"error_kind": "http_500"}, "error"),
    ],
)
def test_what_an_answer_comes_to(case, answer, outcome):
    assert outcome_of(case, SUITE, Answer(**answer))[0] == outcome


def test_a_secret_that_the_model_did_not_repeat_proves_nothing():
    assert outcome_of(MASK, SUITE, Answer(text="Fine.")) == ("error", NOT_REPEATED)


@pytest.mark.parametrize("source", ["inputAssessment", "outputAssessments"])
def test_a_trace_decides_and_bills(source):
    blocked, masked = Answer(text="?"), Answer(text="something")
    blocked.traced(trace("BLOCKED", source))
    masked.traced(trace("ANONYMIZED", source))
    assert outcome_of(BLOCK, SUITE, blocked)[0] == "block"
    assert outcome_of(BLOCK, SUITE, masked)[0] == "mask"
    assert blocked.policies == {"wordPolicy"}
    assert blocked.units == {"wordPolicyUnits": 1, "topicPolicyUnits": 2}
    nothing = Answer(text="x")
    nothing.traced(trace("NONE", source))
    assert nothing.policies == set() and not nothing.actions


@pytest.mark.parametrize(
    ("status", "message", "kind", "refused"),
    [
        (400, "Violated guardrail policy", "", True),
        (400, "BadRequestError: content_filter", "", True),
        (200, "error in the stream: Violated guardrail policy", "", True),
        (400, "{'code': 'content_filter', 'message': 'Sorry, this is unavailable.'}", "", True),
        (400, "{'code': 'unknown_guardrail', 'message': 'content filter x'}", "", False),
        (400, "max_tokens is too large", "", False),
        (503, "guardrail unavailable, blocked by timeout", "", False),
        (429, "Violated guardrail policy", "", False),
        (None, "blocked by nobody", "timeout", False),
    ],
)
def test_only_what_a_guardrail_refused_is_a_block(status, message, kind, refused):
    answer = Answer()
    answer.failed(status, message, kind)
    assert bool(answer.refusal) is refused
    assert (answer.error_kind is None) is refused


def test_what_leaked_is_what_came_before_the_message():
    assert leaked_tokens(SUITE, Answer(text="Sorry, no.")) == 0
    assert leaked_tokens(SUITE, Answer(text="one two, three Sorry, withheld.")) == 4
    assert leaked_tokens(SUITE, Answer(text="one two", refusal="Violated")) == 2
