"""What is blocked and what is masked, in whose shapes: by name, before, beside and after the model's call."""

from __future__ import annotations

import openai
import pytest

from tests.stack.callers import BOTH, OPENAI, STREAMED, spoken_text, streamed_text

from .conftest import DENIED, FORBIDDEN, NAME

pytestmark = pytest.mark.usefixtures("provider")
WITHHELD = "Sorry, the answer was withheld."
MODES = pytest.mark.parametrize("name", [NAME, f"{NAME}-during"])


def named(*names: str):
    return {"additionalModelRequestFields": {"guardrails": list(names)}}


@MODES
@BOTH
@STREAMED
def test_what_is_asked_is_blocked(caller, provider, marker, name, model, streamed):
    text = f"echo: {FORBIDDEN} {marker}"
    with pytest.raises(openai.BadRequestError) as refused:
        caller.say(text, model, stream=streamed, extra_body={"guardrails": [name]})
    error = refused.value.body
    assert error == {
        "message": DENIED,
        "type": "invalid_request_error",
        "param": None,
        "code": "content_filter",
        "guardrail": name,
    }
    message = {"role": "user", "content": [{"text": text}]}
    if streamed:
        answer = caller.bedrock.converse_stream(modelId=model, messages=[message], **named(name))
        events = list(answer["stream"])
        assert [next(iter(event)) for event in events] == [
            "messageStart",
            "contentBlockDelta",
            "contentBlockStop",
            "messageStop",
            "metadata",
        ]
        assert events[-2]["messageStop"]["stopReason"] == "guardrail_intervened"
        assert events[1]["contentBlockDelta"]["delta"]["text"] == DENIED
    else:
        answer = caller.bedrock.converse(modelId=model, messages=[message], **named(name))
        assert answer["stopReason"] == "guardrail_intervened"
        assert answer["output"]["message"]["content"] == [{"text": DENIED}]
        assert answer["usage"]["totalTokens"] == 0


@BOTH
@STREAMED
def test_what_is_asked_is_masked(caller, provider, marker, model, streamed):
    text = f"echo: {marker}@example.com"
    said = caller.say(text, model, stream=streamed, extra_body={"guardrails": [NAME]})
    assert (spoken_text(said) if streamed else said.choices[0].message.content) == "{EMAIL}"
    message = {"role": "user", "content": [{"text": text}]}
    call = caller.bedrock.converse_stream if streamed else caller.bedrock.converse
    answer = call(modelId=model, messages=[message], **named(NAME))
    if streamed:
        assert streamed_text(answer) == "{EMAIL}"
    else:
        assert answer["output"]["message"]["content"] == [{"text": "{EMAIL}"}]
    for each in provider.received(marker):
        assert "messages" not in each.body  # the guardrail was asked about it, and no model


@STREAMED
def test_what_is_answered_is_withheld(caller, provider, marker, streamed):
    """The words of the last filter are looked for in answers only."""
    text = f"echo: a sexually explicit {marker}"
    with pytest.raises(openai.APIError) as refused:
        said = caller.say(text, stream=streamed, extra_body={"guardrails": [NAME]})
        spoken_text(said)
    assert marker not in str(refused.value)
    message = {"role": "user", "content": [{"text": text}]}
    if streamed:
        answer = caller.bedrock.converse_stream(modelId=OPENAI, messages=[message], **named(NAME))
        assert streamed_text(answer) == WITHHELD
    else:
        answer = caller.bedrock.converse(modelId=OPENAI, messages=[message], **named(NAME))
        assert answer["output"]["message"]["content"] == [{"text": WITHHELD}]
        assert answer["stopReason"] == "guardrail_intervened"
