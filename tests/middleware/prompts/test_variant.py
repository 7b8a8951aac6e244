"""What a prompt says as a Converse request, and what it may not say."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from middleware.bedrock import schema
from middleware.prompts.errors import PromptUnusable
from middleware.prompts.template import Template
from middleware.prompts.variant import CARRIED, Variant

POINT = {"cachePoint": {"type": "default"}}
TOOL = {"toolSpec": {"name": "t", "inputSchema": {"json": {"type": "object", "x": None}}}}


def text(**changes: Any) -> dict[str, Any]:
    template = {"text": {"text": "Say {{a}}.", "inputVariables": [{"name": "a"}]}}
    plain = {
        "name": "one",
        "templateType": "TEXT",
        "templateConfiguration": template,
        "modelId": "amazon.nova-lite-v1:0",
    }
    return plain | changes


def chat(**changes: Any) -> dict[str, Any]:
    template = {"messages": [{"role": "user", "content": [{"text": "Say {{a}}."}]}]} | changes
    return text(templateType="CHAT", templateConfiguration={"chat": template})


def read(*variants: dict[str, Any], default: str | None = "one") -> Variant:
    answer = {"name": "p", "variants": list(variants), "defaultVariant": default}
    return Variant.of(orjson.loads(orjson.dumps(answer)))


def test_a_text_is_the_users_message():
    variant = read(text(metadata=[{"key": "k", "value": "v"}], genAiResource=None))
    assert variant.converse == {"messages": [{"role": "user", "content": [{"text": "Say {{a}}."}]}]}
    assert variant.model_id == "amazon.nova-lite-v1:0" and variant.variables == {"a"}


def test_everything_a_text_prompt_has_is_carried():
    variant = read(
        text(
            templateConfiguration={"text": {"text": "Say.", **POINT}},
            inferenceConfiguration={
                "text": {"temperature": 0, "topP": 0.5, "maxTokens": 10, "stopSequences": ["x"]}
            },
            additionalModelRequestFields={"top_k": 4, "nested": {"null": None}},
        )
    )
    assert variant.converse == {
        "messages": [{"role": "user", "content": [{"text": "Say."}, POINT]}],
        "inferenceConfig": {
            "temperature": 0,
            "topP": 0.5,
            "maxTokens": 10,
            "stopSequences": ["x"],
        },
        "additionalModelRequestFields": {"top_k": 4, "nested": {"null": None}},
    }


def test_everything_a_chat_prompt_has_is_carried():
    messages = [
        {"role": "user", "content": [{"text": "{{b}}"}, POINT, {"text": " "}]},
        {"role": "assistant", "content": [{"text": "Yes?"}]},
    ]
    tools = {"tools": [TOOL, POINT], "toolChoice": {"tool": {"name": "t"}}}
    variant = read(
        chat(
            messages=messages,
            system=[{"text": "For {{c}}"}, POINT],
            toolConfiguration=tools,
            inputVariables=[{"name": "a"}, {}],
        )
    )
    assert variant.converse == {
        "messages": messages,
        "system": [{"text": "For {{c}}"}, POINT],
        "toolConfig": tools,
    }
    assert variant.variables == {"a"}
    assert Template.of(variant).needed == {"a", "b", "c"}
    schema.request("Converse")(variant.converse, "")


def test_a_chat_prompt_may_have_no_message_of_its_own():
    variant = read(chat(messages=[], system=[{"text": "Be brief."}]))
    assert variant.converse == {"messages": [], "system": [{"text": "Be brief."}]}


def test_the_default_variant_is_taken_by_its_name():
    first, second = text(modelId="first"), text(name="two", modelId="second")
    assert read(first, second, default="two").model_id == "second"
    assert read(first, second, default="one").model_id == "first"
    assert read(first, second, default=None).model_id == "first"
    assert read(second, default="one").model_id == "second"
    unusable = text(name="two", modelId=None)
    assert read(first, unusable, default="one").model_id == "first"


AGENT = {"agent": {"agentIdentifier": "arn:aws:bedrock:us-east-1:1:agent-alias/A/B"}}


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        (text(genAiResource=AGENT), "bound to an agent"),
        (text(genAiResource=AGENT, modelId=None), "bound to an agent"),
        (text(modelId=None), "no modelId"),
        (text(modelId=""), "no modelId"),
        (text(guardrailConfiguration={"x": 1}), "no place for its guardrailConfiguration"),
        (text(templateType="VOICE"), "templateType 'VOICE'"),
        (text(templateType=None), "templateType"),
        (
            text(templateConfiguration={"voice": {}}),
            r"no place for its templateConfiguration\.voice",
        ),
        (
            text(templateConfiguration={"text": {"text": "a", "mood": "x"}}),
            r"templateConfiguration\.text\.mood",
        ),
        (text(templateConfiguration={"text": {**POINT}}), r"messages\.0\.content\.0"),
        (text(templateConfiguration={}), "no template"),
        (text(templateConfiguration=None), "no template"),
        (text(templateType="CHAT"), r"templateConfiguration\.text"),
        (text(templateType="CHAT", templateConfiguration={"chat": {}}), "no template"),
        (chat(memory={"x": 1}), r"templateConfiguration\.chat\.memory"),
        (chat(messages=[{"role": "user", "content": [{"video": {}}]}]), r"messages\.0\.content\.0"),
        (chat(messages=[{"role": "judge", "content": [{"text": "a"}]}]), r"messages\.0\.role"),
        (chat(system=[{"sound": 1}]), r"system\.0"),
        (chat(toolConfiguration={"tools": []}), r"toolConfig\.tools"),
        (chat(toolConfiguration={"tools": [{"robot": {}}]}), r"toolConfig\.tools\.0"),
        (chat(toolConfiguration={"tools": [TOOL], "limit": 1}), "'limit'"),
        (text(inferenceConfiguration={"image": {}}), r"inferenceConfiguration\.image"),
        (text(inferenceConfiguration={"text": {"seed": 1}}), "'seed'"),
        (text(inferenceConfiguration={"text": {"maxTokens": 0}}), r"inferenceConfig\.maxTokens"),
        (text(templateConfiguration="x"), "form"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_its_name(variant, words):
    with pytest.raises(PromptUnusable, match=words) as caught:
        read(variant)
    assert caught.value.status == 400


@pytest.mark.parametrize("answer", [None, [], {}, {"variants": []}, {"variants": None}])
def test_a_prompt_without_a_variant_is_refused(answer):
    with pytest.raises(PromptUnusable):
        Variant.of(answer)
    with pytest.raises(PromptUnusable):
        Variant.of({"variants": ["x"]})


def test_nothing_is_written_that_cannot_be():
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    with pytest.raises(PromptUnusable, match="nested"):
        Template.of(read_raw(text(additionalModelRequestFields=deep)))


def read_raw(variant: dict[str, Any]) -> Variant:
    return Variant.of({"variants": [variant]})


def test_every_member_that_aws_has_is_decided_on():
    """A newer botocore may know of more; each is to be carried, or refused with a reason."""
    model = ServiceModel(Loader().load_service_model("bedrock-agent", "service-2"))
    of = {
        "": "PromptVariant",
        "templateConfiguration.text": "TextPromptTemplateConfiguration",
        "templateConfiguration.chat": "ChatPromptTemplateConfiguration",
    }
    refused = {"genAiResource"}
    assert of.keys() == CARRIED.keys()
    for path, shape in of.items():
        assert model.shape_for(shape).members.keys() - refused == CARRIED[path], path
    assert model.shape_for("PromptTemplateConfiguration").members.keys() == {"text", "chat"}
    assert model.shape_for("PromptInferenceConfiguration").members.keys() == {"text"}
    # and what is within is what Converse has under the same names
    converse = schema.service()
    for ours, theirs in (
        ("PromptModelInferenceConfiguration", "InferenceConfiguration"),
        ("ContentBlock", "ContentBlock"),
        ("SystemContentBlock", "SystemContentBlock"),
        ("Message", "Message"),
        ("CachePointBlock", "CachePointBlock"),
        ("ToolConfiguration", "ToolConfiguration"),
        ("Tool", "Tool"),
        ("ToolSpecification", "ToolSpecification"),
        ("ToolInputSchema", "ToolInputSchema"),
        ("ToolChoice", "ToolChoice"),
    ):
        assert model.shape_for(ours).members.keys() <= converse.shape_for(theirs).members.keys()
