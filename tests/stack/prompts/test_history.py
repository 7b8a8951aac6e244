"""Prompts in kept conversations, and with history switched off."""

from __future__ import annotations

import pytest

from tests.stack.callers import continued

from .interfaces import CHAT_1, SONNET, SPACES_1, turns, values

pytestmark = pytest.mark.usefixtures("provider")


def test_a_prompt_begins_a_conversation_and_goes_on_with_one(api, caller, provider, marker):
    """Again with the session's id, and then plainly, over either interface."""
    variables = values(company=marker, question="echo: first")
    assert api.text(CHAT_1, variables) == "first"
    (session,) = caller.http.post("/session-ids", json={"limit": 1}).json()["session_ids"]
    variables["question"]["text"] = "echo: second"
    assert api.text(CHAT_1, variables, session=session) == "second"
    again = provider.received(marker)[-1].body
    system = [{"text": f"You help customers of {marker}. Be brief."}]
    opening = [("user", "Hello, I have a question."), ("assistant", "Gladly, what is it?")]
    seen = [*opening, ("user", "echo: first"), ("assistant", "first")]
    seen += [*opening, ("user", "echo: second")]
    assert (again["system"], again["messages"]) == (system, turns(*seen))

    answer = caller.say("echo: third", SONNET, extra_body={"session_id": session})
    assert answer.choices[0].message.content == "third"
    caller.converse("echo: fourth", SONNET, **continued(session))
    last = provider.received(marker)[-1].body
    seen += [("assistant", "second"), ("user", "echo: third"), ("assistant", "third")]
    assert last["messages"] == turns(*seen, ("user", "echo: fourth"))
    assert last["system"] == system
    assert [turn["complete"] for turn in caller.turns(session)] == [True] * 4


def test_a_plain_conversation_goes_on_with_a_prompt(plainly, caller, provider, marker):
    session = caller.begin(f"echo: {marker}")
    said = plainly.text(SPACES_1, values(a="here", b="there"), session=session)
    assert said == "From here to there and back to here."
    assert provider.received(marker)[-1].body["messages"] == turns(
        ("user", f"echo: {marker}"),
        ("assistant", marker),
        ("user", "echo: From here to there and back to here."),
    )


def test_a_prompt_with_history_switched_off_keeps_nothing(caller, database, marker):
    variables = values(a=marker, b="x")
    answer = caller.openai.chat.completions.create(
        model=SPACES_1, messages=[], store=False, extra_body={"promptVariables": variables}
    )
    assert "session_id" not in answer.model_extra
    answer = caller.bedrock.converse(
        modelId=SPACES_1,
        promptVariables=variables,
        additionalModelRequestFields={"enable_history": False},
    )
    assert "x-session-id" not in answer["ResponseMetadata"]["HTTPHeaders"]
    query = "SELECT count(*) FROM turns WHERE messages::text LIKE %s"
    assert database.execute(query, [f"%{marker}%"]).fetchone() == (0,)
