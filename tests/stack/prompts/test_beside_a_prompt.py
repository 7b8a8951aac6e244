"""What a caller gives beside a prompt: messages, parameters and tools of his own."""

from __future__ import annotations

import pytest

from .interfaces import CHAT_1, PREFIX, SPACES_1, TIDES, OverBedrock, asked, turns, values

pytestmark = pytest.mark.usefixtures("provider")


@pytest.mark.parametrize("streamed", [False, True])
def test_on_bedrock_given_messages_follow_the_prompts(caller, provider, marker, streamed):
    given = turns(("assistant", "Oslo it is."), ("user", f"echo: and {marker}"))
    api = OverBedrock(caller, streamed)
    said = api.text(SPACES_1, values(a="Bergen", b="Oslo"), messages=given)
    assert said == f"and {marker}"
    prompt = ("user", "echo: From Bergen to Oslo and back to Bergen.")
    assert asked(provider, marker)["messages"] == [*turns(prompt), *given]


@pytest.mark.parametrize(
    "member",
    [
        {"system": [{"text": "Be kind."}]},
        {"inferenceConfig": {"temperature": 0.1}},
        {"toolConfig": {"tools": [{"toolSpec": TIDES}]}},
        {"additionalModelRequestFields": {"top_k": 1}},
    ],
    ids=lambda member: next(iter(member)),
)
@pytest.mark.parametrize("streamed", [False, True])
def test_on_bedrock_what_the_prompt_has_itself_is_refused(
    caller, provider, marker, streamed, member
):
    variables = values(a=marker, b="x")
    refused = OverBedrock(caller, streamed).refused(SPACES_1, variables, **member)
    assert (refused.status, refused.kind) == (400, "ValidationException")
    assert next(iter(member)) in refused.message and provider.received(marker) == []


def test_on_bedrock_a_sessions_id_beside_other_fields_does_not_let_them_through(caller, marker):
    session = caller.begin(f"echo: {marker}")
    fields = {"additionalModelRequestFields": {"session_id": session, "top_k": 1}}
    refused = OverBedrock(caller, False).refused(SPACES_1, values(a="x", b="y"), **fields)
    assert refused.status == 400 and "additionalModelRequestFields" in refused.message


def test_with_openai_given_messages_are_ignored(caller, provider, marker):
    answer = caller.openai.chat.completions.create(
        model=SPACES_1,
        messages=[{"role": "user", "content": f"echo: nobody reads this {marker}"}],
        extra_body={"promptVariables": values(a=marker, b="x")},
    )
    assert answer.choices[0].message.content == f"From {marker} to x and back to {marker}."
    assert "nobody" not in provider.only(marker).text
    assert "nobody" not in str(caller.spoken(answer.model_extra["session_id"]))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_with_openai_the_callers_parameters_win(caller, provider, marker, streamed, limit):
    answer = caller.openai.chat.completions.create(
        model=CHAT_1,
        messages=[],
        temperature=0,
        stop=["STOP"],
        stream=streamed,
        extra_body={"promptVariables": values(company=marker, question="echo: x"), limit: 50},
    )
    assert list(answer) if streamed else answer.choices
    assert asked(provider, marker)["inferenceConfig"] == {
        "temperature": 0,
        "topP": 0.9,
        "maxTokens": 50,
        "stopSequences": ["STOP"],
    }


def test_with_openai_the_callers_tools_stand_in_for_the_prompts(caller, provider, marker):
    weather = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
    caller.openai.chat.completions.create(
        model=PREFIX + "PROMPTTOOL:1",
        messages=[],
        tools=[{"type": "function", "function": weather}],
        extra_body={"promptVariables": values(country=marker, harbour="x", question="y")},
    )
    (tool,) = asked(provider, marker)["toolConfig"]["tools"]
    assert tool["toolSpec"]["name"] == "weather"
