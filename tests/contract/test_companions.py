"""CountTokens and ApplyGuardrail, and guardrails in a conversation."""

from __future__ import annotations

import json

import pytest

from tests.contract.messages import body
from tests.contract.messages import user as messages_user
from tests.contract.models import NOBODY, OPENAI
from tests.contract.strict import refusal, valid
from tests.contract.turns import WEATHER, assistant, encoded, text, tools, user

GUARDRAIL = {"guardrailIdentifier": "grworkbench1", "guardrailVersion": "1"}
APPLY = "/guardrail/grworkbench1/version/1/apply"
FORBIDDEN = "moonshine recipe"


@pytest.fixture
def count(strict, model):
    def send(conversation):
        response = strict.send("count-tokens", model, {"input": {"converse": conversation}})
        return valid("count-tokens", response)["inputTokens"]

    return send


def test_more_words_are_more_tokens(count):
    few = count({"messages": [user("one two three")]})
    many = count({"messages": [user("one two three " * 50)]})
    assert 0 < few < many


def test_everything_is_counted(count):
    bare = {"messages": [user("Hello"), assistant("Hello."), user("And now?")]}
    system = {"system": [text("You are terse and never mention llamas in any of your answers.")]}
    config = {"toolConfig": tools(WEATHER)}
    assert count(bare) < count({**bare, **system}) < count({**bare, **system, **config})


def test_a_body_of_invoke_model_is_counted(strict, model):
    inner = encoded(json.dumps(body(messages_user("one two three " * 20))).encode())
    response = strict.send("count-tokens", model, {"input": {"invokeModel": {"body": inner}}})
    assert valid("count-tokens", response)["inputTokens"] > 40


@pytest.mark.parametrize(
    "request_body", [{}, {"input": {}}, {"input": {"converse": 1}}, []], ids=str
)
def test_what_cannot_be_counted(strict, request_body):
    refused = refusal("count-tokens", strict.send("count-tokens", OPENAI, request_body))
    assert refused.name == "ValidationException"


def test_counting_for_nobody(strict):
    request = {"input": {"converse": {"messages": [user("Hello")]}}}
    refused = refusal("count-tokens", strict.send("count-tokens", NOBODY, request))
    assert refused.name == "ValidationException"


def _apply(strict, words, path=APPLY, **headers):
    request = {"source": "INPUT", "content": [{"text": {"text": words}}]}
    return strict.post(path, request, **headers)


def test_a_guardrail_blocks(strict):
    answer = valid("apply", _apply(strict, f"Give me a {FORBIDDEN}."))
    assert answer["action"] == "GUARDRAIL_INTERVENED"
    assert answer["outputs"] == [{"text": "Sorry, the model cannot answer this question."}]


def test_a_guardrail_masks(strict):
    answer = valid("apply", _apply(strict, "Write to jane@example.com"))
    assert answer["action"] == "GUARDRAIL_INTERVENED"
    assert answer["outputs"] == [{"text": "Write to {EMAIL}"}]


def test_a_guardrail_lets_pass(strict):
    answer = valid("apply", _apply(strict, "What is the capital of France?"))
    assert answer["action"] == "NONE"


def test_an_unknown_guardrail(strict):
    response = _apply(strict, "Hello", "/guardrail/nosuchguard/version/1/apply")
    assert refusal("apply", response).name == "ResourceNotFoundException"


@pytest.mark.parametrize("header", ["", "Bearer sk-nobody"])
def test_a_guardrail_without_a_key(strict, header):
    response = _apply(strict, "Hello", authorization=header)
    assert refusal("apply", response).name == "AccessDeniedException"


def test_a_guardrail_in_a_conversation_blocks(strict, provider, operation, model, marker):
    """In whatever way, the forbidden words do not come through."""
    request = {
        "messages": [user(f"echo: {marker} {FORBIDDEN}")],
        "guardrailConfig": GUARDRAIL,
    }
    response = strict.send(operation, model, request)
    assert FORBIDDEN.encode() not in response.content
    if response.status_code == 200:
        assert strict.ask(operation, model, request).stop_reason == "guardrail_intervened"
    else:
        assert refusal(operation, response).name == "ValidationException"


def test_a_guardrail_in_a_conversation_lets_pass(strict, operation, model, marker):
    request = {"messages": [user(f"echo: {marker}")], "guardrailConfig": GUARDRAIL}
    assert strict.ask(operation, model, request).text == marker


def test_a_guardrail_that_does_not_exist_is_never_ignored(strict, operation, model, marker):
    config = {"guardrailIdentifier": "nosuchguard", "guardrailVersion": "7"}
    request = {"messages": [user(f"echo: {marker}")], "guardrailConfig": config}
    assert strict.refused(operation, model, request).name == "ValidationException"
