"""A guardrail that is part of a model: the seed's `guardrailConfig`, and LiteLLM's by name."""

from __future__ import annotations

import openai
import pytest

from tests.stack.callers import GUARDRAIL, STREAMED, spoken_text, streamed_text

from .conftest import DENIED, FORBIDDEN, NAME

pytestmark = pytest.mark.usefixtures("provider")


@pytest.fixture(scope="module")
def guarded(model) -> str:
    """A model with a guardrail of Bedrock's, made just now."""
    return model("guarded-nova", guardrailConfig=GUARDRAIL)


@STREAMED
def test_the_seeds_guardrail_config(caller, guarded, marker, streamed):
    text = f"echo: {FORBIDDEN} {marker}"
    said = caller.say(text, guarded, stream=streamed)
    if streamed:
        assert spoken_text(said) == DENIED
        message = {"role": "user", "content": [{"text": text}]}
        answer = caller.bedrock.converse_stream(modelId=guarded, messages=[message])
        assert streamed_text(answer) == DENIED
    else:
        assert said.choices[0].finish_reason == "content_filter"
        answer = caller.converse(text, guarded)
        assert answer["output"]["message"]["content"] == [{"text": DENIED}]


@pytest.mark.parametrize(
    "config",
    [
        None,
        {},
        "none",
        {"guardrailIdentifier": NAME},
        {"guardrailIdentifier": NAME, "guardrailVersion": "DRAFT"},
        {**GUARDRAIL, "streamProcessingMode": "async"},
        {**GUARDRAIL, "something": 1},
    ],
)
def test_a_caller_does_not_replace_it(caller, provider, guarded, marker, config):
    for path in ("/v1/chat/completions", "/v1/messages"):
        message = {"role": "user", "content": f"echo: {marker}"}
        body = {"model": guarded, "messages": [message], "max_tokens": 9}
        refused = caller.http.post(path, json={**body, "guardrailConfig": config})
        assert refused.status_code == 400, refused.text
    assert not provider.received(marker)


def test_nor_over_bedrock(caller, provider, guarded, marker):
    other = {**GUARDRAIL, "guardrailVersion": "DRAFT"}
    with pytest.raises(caller.bedrock.exceptions.ValidationException, match="of its own"):
        caller.converse(marker, guarded, guardrailConfig=other)
    assert not provider.received(marker)


def test_its_trace_can_be_asked_for(caller, guarded, marker):
    answer = caller.converse(
        f"echo: {FORBIDDEN} {marker}", guarded, guardrailConfig={**GUARDRAIL, "trace": "enabled"}
    )
    assert answer["stopReason"] == "guardrail_intervened"
    words = answer["trace"]["guardrail"]["inputAssessment"][NAME]["wordPolicy"]["customWords"]
    assert words[0]["action"] == "BLOCKED"


def test_an_asynchronous_stream_is_the_callers_choice_where_the_model_has_none(caller, marker):
    """The answer's beginning leaks, as AWS says of this mode."""
    config = {**GUARDRAIL, "streamProcessingMode": "async"}
    text = "echo: " + " ".join(["calm"] * 20) + f" sexually explicit {marker}"
    message = {"role": "user", "content": [{"text": text}]}
    nova = "amazon.nova-lite-v1:0"
    answer = caller.bedrock.converse_stream(
        modelId=nova, messages=[message], guardrailConfig=config
    )
    said = streamed_text(answer)
    assert said.startswith("calm calm") and said.endswith("Sorry, the answer was withheld.")
    sync = {**GUARDRAIL, "streamProcessingMode": "sync"}
    answer = caller.bedrock.converse_stream(modelId=nova, messages=[message], guardrailConfig=sync)
    assert streamed_text(answer) == "Sorry, the answer was withheld."


def test_a_model_with_one_of_litellms(caller, model, marker):
    name = model("named-nova", guardrails=[NAME])
    for extra in ({}, {"guardrails": []}, {"guardrails": None}):
        with pytest.raises(openai.BadRequestError) as blocked:
            caller.say(f"echo: {FORBIDDEN} {marker}", name, extra_body=extra)
        assert blocked.value.code == "content_filter"
    answer = caller.converse(f"echo: {FORBIDDEN} {marker}", name)
    assert answer["stopReason"] == "guardrail_intervened"
