"""What arrives at the model of each kind of prompt: its texts, its configuration, its tools."""

from __future__ import annotations

import pytest

from tests.stack.callers import BEDROCK

from .interfaces import CHAT_1, PREFIX, SONNET, TIDES, asked, turns, values

HAIKU_3, NOVA = BEDROCK, "amazon.nova-lite-v1:0"
HAIKU_4_5 = "us.anthropic.claude-haiku-4-5-20251001-v1:0"

pytestmark = pytest.mark.usefixtures("provider")


def test_a_text_prompt_with_its_inference_configuration(api, provider, marker):
    assert api.text(PREFIX + "PROMPTTXT1:1", values(city=marker))
    assert asked(provider, marker) == {
        "messages": turns(("user", f"Tell me one fact about {marker}.")),
        "inferenceConfig": {"temperature": 0.2, "maxTokens": 200},
    }


def test_another_version_has_other_variables_and_no_configuration(api, provider, marker):
    assert api.text(PREFIX + "PROMPTTXT1:2", values(city=marker, tone="dry"))
    said = f"Tell me one fact about {marker} in a dry tone."
    assert asked(provider, marker) == {"messages": turns(("user", said))}


def test_a_chat_prompt_with_system_text_and_stop_sequences(api, provider, marker):
    assert (
        api.text(CHAT_1, values(company=marker, question="echo: open? END never"))[:6] == "open? "
    )
    assert asked(provider, marker) == {
        "system": [{"text": f"You help customers of {marker}. Be brief."}],
        "messages": turns(
            ("user", "Hello, I have a question."),
            ("assistant", "Gladly, what is it?"),
            ("user", "echo: open? END never"),
        ),
        "inferenceConfig": {
            "temperature": 0.5,
            "topP": 0.9,
            "maxTokens": 300,
            "stopSequences": ["END"],
        },
    }


@pytest.mark.parametrize("version", ["", ":DRAFT"])
def test_without_a_version_and_as_draft_it_is_the_draft(api, marker, version):
    assert api.text(f"{PREFIX}PROMPTSPC1{version}", values(a=marker)) == marker
    assert api.text(f"{PREFIX}PROMPTVAR1{version}", values(who=marker)) == f"Draft for {marker}"


def test_the_default_variant_counts_and_not_the_first(api, provider, marker):
    assert api.text(PREFIX + "PROMPTVAR1:1", values(who=marker)) == f"Good day, {marker}"
    assert provider.only(marker).wire == "bedrock"


@pytest.mark.parametrize("version", ["", ":1"])
def test_a_prompt_with_everything_arrives_with_everything(api, provider, marker, version):
    api.text(
        f"{PREFIX}PROMPTTOOL{version}",
        values(country="Norway", harbour=marker, question="How deep is it?"),
    )
    assert asked(provider, marker) == {
        "system": [
            {"text": "You know the harbours of Norway."},
            {"cachePoint": {"type": "default"}},
        ],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": f"I will ask about {marker}."},
                    {"cachePoint": {"type": "default"}},
                ],
            },
            *turns(("assistant", "Please do."), ("user", "How deep is it?")),
        ],
        "inferenceConfig": {"temperature": 0.5, "maxTokens": 300, "stopSequences": ["END"]},
        "toolConfig": {"tools": [{"toolSpec": TIDES}], "toolChoice": {"auto": {}}},
        "additionalModelRequestFields": {"top_k": 40},
    }


def test_a_prompts_tool_is_called_over_both_interfaces(caller, marker):
    arn = PREFIX + "PROMPTTOOL:1"
    variables = values(
        country=marker, harbour="Bergen", question='call: tides {"harbour": "Bergen"}'
    )
    over_bedrock = caller.bedrock.converse(modelId=arn, promptVariables=variables)
    (use,) = (b["toolUse"] for b in over_bedrock["output"]["message"]["content"] if "toolUse" in b)
    assert (use["name"], use["input"]) == ("tides", {"harbour": "Bergen"})
    over_openai = caller.openai.chat.completions.create(
        model=arn, messages=[], extra_body={"promptVariables": variables}
    )
    (call,) = over_openai.choices[0].message.tool_calls
    assert call.function.name == "tides" and "Bergen" in call.function.arguments


def test_a_cache_point_of_a_text_prompt_whose_model_is_an_arn(api, provider, marker):
    assert (
        api.text(PREFIX + "PROMPTCCH1", values(game=marker)) == f"The rules of {marker} are long."
    )
    text = {"text": f"echo: The rules of {marker} are long."}
    assert asked(provider, marker)["messages"] == [
        {"role": "user", "content": [text, {"cachePoint": {"type": "default"}}]}
    ]


@pytest.mark.parametrize(
    ("arn", "names", "model"),
    [
        ("PROMPTTXT1:1", ("city",), HAIKU_3),
        ("PROMPTCHT1:1", ("company", "question"), SONNET),
        ("PROMPTVAR1:1", ("who",), HAIKU_4_5),
        ("PROMPTTOOL:1", ("country", "harbour", "question"), HAIKU_4_5),
        ("PROMPTCCH1", ("game",), NOVA),
    ],
    ids=["id", "another id", "inference profile", "profile's ARN", "model's ARN"],
)
def test_the_model_is_found_by_whatever_the_prompt_calls_it(caller, marker, arn, names, model):
    variables = values(**dict.fromkeys(names, marker))
    answer = caller.openai.chat.completions.create(
        model=PREFIX + arn, messages=[], extra_body={"promptVariables": variables}
    )
    assert answer.model == model
    (turn,) = caller.turns(answer.model_extra["session_id"])
    assert (turn["model"], turn["served_by"]) == (model, model)
