"""Reasoning: its text and signature come out, and go back in with the next turn."""

from __future__ import annotations

import pytest

from tests.contract.models import HAIKU_3, REASONS
from tests.contract.turns import WEATHER, tool_result, tools, user

THINKING = {
    "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    "inferenceConfig": {"maxTokens": 3000},
}


@pytest.fixture
def think(strict, operation):
    return lambda body: strict.ask(operation, REASONS, {**body, **THINKING})


def test_reasoning_comes_before_the_answer(think, provider, marker):
    reply = think({"messages": [user(f"echo: {marker}")]})
    thought, said = reply.content
    assert thought["reasoningContent"]["reasoningText"]["text"]
    assert thought["reasoningContent"]["reasoningText"]["signature"].startswith("sig")
    assert said == {"text": marker}
    assert reply.stop_reason == "end_turn"
    fields = provider.only(marker).body["additionalModelRequestFields"]
    assert fields["thinking"] == {"type": "enabled", "budget_tokens": 1024}


def test_reasoning_goes_back_with_its_signature(think, provider, marker):
    config = {"toolConfig": tools(WEATHER)}
    asked = user(f'{marker}\ncall: get_weather {{"city": "Bern"}}')
    reply = think({"messages": [asked], **config})
    assert reply.stop_reason == "tool_use"
    thought = reply.content[0]["reasoningContent"]["reasoningText"]
    result = user(tool_result(reply.calls[0]["toolUseId"], {"text": "17 degrees"}))
    turns = [asked, reply.body["output"]["message"], result]
    assert "17 degrees" in think({"messages": turns, **config}).text
    received = provider.received(marker)[-1]
    assert thought["signature"] in received.text
    assert thought["text"] in str(received.body)


def test_a_model_that_does_not_reason_says_so(strict, operation, marker):
    refused = strict.refused(operation, HAIKU_3, {"messages": [user(marker)], **THINKING})
    assert refused.name == "ValidationException"
    assert "thinking" in refused.message
