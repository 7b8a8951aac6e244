from __future__ import annotations

import pytest

from middleware.bedrock import schema
from middleware.bedrock.errors import ValidationException

HI = [{"role": "user", "content": [{"text": "hi"}]}]


def check(operation="Converse", **members):
    schema.request(operation)({"messages": HI, **members}, "")


@pytest.mark.parametrize(
    "members", [{}, {"system": []}, {"inferenceConfig": {}}, {"toolConfig": None}]
)
def test_what_real_clients_send_is_fine(members):
    check(**members)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"nonsense": 1}, "The request body has no member 'nonsense' that this gateway knows."),
        ({"messages": 5}, "The value at messages must be a list."),
        (
            {"messages": [{"role": "user"}]},
            "'messages.0.content' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"messages": [{"role": "robot", "content": []}]},
            "enum value set: [user, assistant, system]",
        ),
        ({"messages": [{"role": "user", "content": [{}]}]}, "must have exactly one of the members"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"text": "a", "cachePoint": {"type": "default"}}]}
                ]
            },
            "must have exactly one of the members",
        ),
        (
            {"inferenceConfig": {"temperature": 2}},
            "Value '2' at 'inferenceConfig.temperature' failed",
        ),
        (
            {"inferenceConfig": {"maxTokens": 0}},
            "Member must have value greater than or equal to 1",
        ),
        ({"inferenceConfig": {"maxTokens": True}}, "must be an integer"),
        ({"inferenceConfig": {"maxTokens": 1.5}}, "must be an integer"),
        ({"toolConfig": {"tools": []}}, "Member must have length greater than or equal to 1"),
        ({"requestMetadata": {}}, "Member must have length greater than or equal to 1"),
        ({"guardrailConfig": {"guardrailIdentifier": "A B"}}, "regular expression pattern"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"image": {"format": "png", "source": {"bytes": "%"}}}],
                    }
                ]
            },
            "messages.0.content.0.image.source.bytes is not valid base64",
        ),
    ],
)
def test_a_violation_is_named_in_awss_words(members, message):
    with pytest.raises(ValidationException) as caught:
        check(**members)
    assert message in caught.value.message


def test_only_streams_have_a_stream_processing_mode():
    config = {"guardrailIdentifier": "g", "guardrailVersion": "1", "streamProcessingMode": "sync"}
    check("ConverseStream", guardrailConfig=config)
    with pytest.raises(ValidationException):
        check("Converse", guardrailConfig=config)


def test_shapes_that_contain_themselves_are_checked_all_the_way_down():
    block = {
        "toolResult": {
            "toolUseId": "t",
            "content": [{"image": {"format": "png", "source": {"bytes": ""}}}],
        }
    }
    with pytest.raises(ValidationException, match=r"content\.0\.image\.source\.bytes"):
        check(messages=[{"role": "user", "content": [block]}])
