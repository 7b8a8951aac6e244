"""Guardrails of LiteLLM's and of Bedrock's in the turns of a conversation."""

from __future__ import annotations

import openai
import pytest

from tests.stack.callers import GUARDRAIL, STREAMED, continued, spoken_text

pytestmark = pytest.mark.usefixtures("provider")


@STREAMED
def test_a_guardrail_of_litellms_checks_every_turn_of_a_conversation(
    caller, provider, marker, streamed
):
    named = {"guardrails": ["grworkbench1"]}
    begun = caller.say(f"echo: {marker}@example.com", extra_body=named)
    assert begun.choices[0].message.content == "{EMAIL}"
    named["session_id"] = begun.model_extra["session_id"]
    second = caller.say(f"echo: and {marker}", stream=streamed, extra_body=named)
    said = spoken_text(second) if streamed else second.choices[0].message.content
    assert said == f"and {marker}"
    models = [entry for entry in provider.received(marker) if "messages" in entry.body]
    (asked,) = [entry.body["messages"] for entry in models]
    assert [message["content"] for message in asked] == [
        "echo: {EMAIL}",
        "{EMAIL}",
        f"echo: and {marker}",
    ]


def test_a_guardrail_of_bedrocks_is_named_again_in_a_later_turn(caller, provider, marker):
    begun = caller.converse(f"echo: {marker}", guardrailConfig=GUARDRAIL)
    session = begun["ResponseMetadata"]["HTTPHeaders"]["x-session-id"]
    answer = caller.converse(
        f"echo: forbidden-word {marker}", guardrailConfig=GUARDRAIL, **continued(session)
    )
    assert answer["stopReason"] == "guardrail_intervened"
    (_, second) = provider.received(marker)
    assert second.body["guardrailConfig"] == GUARDRAIL
    assert len(second.body["messages"]) == 3
    assert caller.spoken(session)[-1]["content"] == "Sorry, the model cannot answer this question."


def test_a_question_that_a_guardrail_refuses_is_an_incomplete_turn(caller, provider, marker):
    session = caller.begin(f"echo: {marker}")
    with pytest.raises(openai.BadRequestError) as refused:
        caller.say(
            f"echo: forbidden-word {marker}",
            extra_body={"session_id": session, "guardrails": ["grworkbench1"]},
        )
    assert refused.value.response.headers["x-session-id"] == session
    assert [turn["complete"] for turn in caller.turns(session)] == [True, False]
    assert "forbidden-word" not in str(caller.spoken(session))
    caller.say(f"echo: then {marker}", extra_body={"session_id": session})
    assert "forbidden-word" not in provider.received(marker)[-1].text
