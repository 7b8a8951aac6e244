"""Conversations begun over one interface and continued over the other, and read in the forms of both."""

from __future__ import annotations

import pytest

from tests.stack.callers import (
    BEDROCK,
    OPENAI,
    STREAMED,
    continued,
    spoken_text,
    streamed_text,
)

from .weather import (
    IMAGE_PART,
    PICTURE,
    TOOL_CONFIG,
    TOOLS,
    asking,
    assert_provider_saw_the_weather,
    in_converses_form,
    in_openais_form,
    normal,
)

WAYS = pytest.mark.parametrize(
    ("first", "then"),
    [(OPENAI, OPENAI), (BEDROCK, BEDROCK), (OPENAI, BEDROCK), (BEDROCK, OPENAI)],
)

pytestmark = pytest.mark.usefixtures("provider")


@WAYS
def test_begun_with_the_openai_sdk_and_continued_with_boto3_and_back(
    caller, provider, marker, first, then
):
    begun = caller.openai.chat.completions.create(
        model=first,
        messages=[
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": asking(marker)}, IMAGE_PART]},
        ],
        tools=TOOLS,
    )
    (call,) = begun.choices[0].message.tool_calls
    session = begun.model_extra["session_id"]
    result = {"toolResult": {"toolUseId": call.id, "content": [{"text": "mild"}]}}
    answer = caller.bedrock.converse(
        modelId=then,
        messages=[{"role": "user", "content": [result]}],
        toolConfig=TOOL_CONFIG,
        **continued(session),
    )
    said = answer["output"]["message"]["content"][0]["text"]
    assert said.startswith("The tool returned mild.")
    assert_provider_saw_the_weather(provider.received(marker)[-1], marker, call.id)

    stream = caller.bedrock.converse_stream(
        modelId=first,
        messages=[{"role": "user", "content": [{"text": "echo: streamed"}]}],
        toolConfig=TOOL_CONFIG,
        **continued(session),
    )
    assert streamed_text(stream) == "streamed"
    rest = [("assistant", said), ("user", "echo: streamed")]
    assert_provider_saw_the_weather(provider.received(marker)[-1], marker, call.id, *rest)

    back = caller.say(
        "echo: back", then, stream=True, tools=TOOLS, extra_body={"session_id": session}
    )
    assert spoken_text(back) == "back"
    rest += [("assistant", "streamed"), ("user", "echo: back")]
    assert_provider_saw_the_weather(provider.received(marker)[-1], marker, call.id, *rest)


@WAYS
@STREAMED
def test_begun_with_boto3_and_continued_with_the_openai_sdk(
    caller, provider, marker, first, then, streamed
):
    request = {
        "modelId": first,
        "system": [{"text": "Be kind."}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": asking(marker)},
                    {"image": {"format": "png", "source": {"bytes": PICTURE}}},
                ],
            }
        ],
        "toolConfig": TOOL_CONFIG,
    }
    if streamed:
        begun = caller.bedrock.converse_stream(**request)
        starts = [
            e["contentBlockStart"]["start"] for e in begun["stream"] if "contentBlockStart" in e
        ]
        call = next(start["toolUse"]["toolUseId"] for start in starts if "toolUse" in start)
    else:
        begun = caller.bedrock.converse(**request)
        blocks = begun["output"]["message"]["content"]
        call = next(block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block)
    session = begun["ResponseMetadata"]["HTTPHeaders"]["x-session-id"]
    answer = caller.openai.chat.completions.create(
        model=then,
        messages=[{"role": "tool", "tool_call_id": call, "content": "mild"}],
        tools=TOOLS,
        extra_body={"session_id": session},
    )
    assert answer.choices[0].message.content.startswith("The tool returned mild.")
    assert_provider_saw_the_weather(provider.received(marker)[-1], marker, call)


def test_a_conversation_of_images_and_tools_is_read_in_both_forms(caller, marker):
    begun = caller.openai.chat.completions.create(
        model=OPENAI,
        messages=[
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": asking(marker)}, IMAGE_PART]},
        ],
        tools=TOOLS,
    )
    (call,) = begun.choices[0].message.tool_calls
    session = begun.model_extra["session_id"]
    caller.openai.chat.completions.create(
        model=OPENAI,
        messages=[{"role": "tool", "tool_call_id": call.id, "content": "mild"}],
        tools=TOOLS,
        extra_body={"session_id": session},
    )
    kept = caller.spoken(session)
    assert [normal(m) for m in kept[:4]] == [normal(m) for m in in_openais_form(marker, call.id)]
    read = caller.http.post("/bedrock/chat-history", json={"session_id": session}).json()
    assert read["messages"][:3] == in_converses_form(marker, call.id)
    assert read["system"] == [{"text": "Be kind."}]


def test_what_was_read_in_converses_form_can_be_sent_to_converse(caller, provider, marker):
    session = caller.begin(f"echo: {marker}")
    read = caller.http.post("/bedrock/chat-history", json={"session_id": session}).json()
    question = {"role": "user", "content": [{"text": f"echo: again {marker}"}]}
    caller.bedrock.converse(modelId=BEDROCK, messages=[*read["messages"], question])
    assert provider.received(marker)[-1].body["messages"] == [*read["messages"], question]
