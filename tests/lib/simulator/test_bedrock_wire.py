"""Bedrock's wire, through boto3."""

import json
from contextlib import closing

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError

from gateway_lib.simulator.tokens import count

NOVA = "amazon.nova-lite-v1:0"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
HAIKU45 = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
TITAN = "amazon.titan-embed-text-v2:0"
TOOLS = {
    "tools": [
        {
            "toolSpec": {
                "name": "get_weather",
                "inputSchema": {
                    "json": {
                        "type": "object",
                        "properties": {"city": {"type": "string"}},
                        "required": ["city"],
                    }
                },
            }
        },
        {"toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object"}}}},
    ]
}


def drain(stream):
    with closing(stream):
        return list(stream)


def user(text, *more):
    return [{"role": "user", "content": [{"text": text}, *more]}]


def text_of(answer):
    return "".join(b.get("text", "") for b in answer["output"]["message"]["content"])


def test_converse(bedrock, control):
    answer = bedrock.converse(
        modelId=NOVA, messages=user("Write about rain."), system=[], inferenceConfig={}
    )
    used = answer["usage"]
    assert answer["stopReason"] == "end_turn"
    assert used["outputTokens"] == count(text_of(answer))
    assert used["totalTokens"] == used["inputTokens"] + used["outputTokens"]
    assert answer["metrics"]["latencyMs"] > 0
    entry = control.last()
    assert entry["path"] == "/bedrock/model/amazon.nova-lite-v1%3A0/converse"
    assert entry["headers"]["authorization"].startswith("AWS4-HMAC-SHA256 sha256:")
    assert entry["response_id"] == answer["ResponseMetadata"]["RequestId"]


def test_both_wires_count_alike(bedrock, client):
    there = bedrock.converse(
        modelId=NOVA, messages=user("echo: one two"), system=[{"text": "Be kind."}]
    )
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "echo: one two"},
    ]
    here = client.chat.completions.create(model="gpt-4o-mini", messages=messages)
    assert there["usage"]["inputTokens"] == here.usage.prompt_tokens
    assert there["usage"]["outputTokens"] == here.usage.completion_tokens == 2


def test_stream_events_in_awss_order(bedrock):
    whole = bedrock.converse(modelId=NOVA, messages=user("Write about rain."))
    stream = bedrock.converse_stream(modelId=NOVA, messages=user("Write about rain."))
    events = drain(stream["stream"])
    names = [next(iter(event)) for event in events]
    deltas = [e["contentBlockDelta"] for e in events if "contentBlockDelta" in e]
    assert names[0] == "messageStart"
    assert set(names[1:-3]) == {"contentBlockDelta"}
    assert names[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    assert "".join(d["delta"]["text"] for d in deltas) == text_of(whole)
    assert len(deltas) == whole["usage"]["outputTokens"]
    assert events[-1]["metadata"]["usage"] == whole["usage"]
    assert events[-2]["messageStop"]["stopReason"] == "end_turn"


def test_each_frame_has_three_headers(base):
    reply = httpx.post(
        f"{base}/bedrock/model/{NOVA}/converse-stream",
        json={"messages": user("echo: a b")},
        headers={"authorization": "Bearer k"},
    )
    assert reply.headers["content-type"] == "application/vnd.amazon.eventstream"
    buffer = EventStreamBuffer()
    buffer.add_data(reply.content)
    for frame in buffer:
        assert frame.headers.keys() == {":event-type", ":content-type", ":message-type"}


def test_tools_in_a_stream(bedrock):
    asked = user('call: get_weather {"city":"Rome"}\ncall: clock')
    events = drain(
        bedrock.converse_stream(modelId=NOVA, messages=asked, toolConfig=TOOLS)["stream"]
    )
    starts = [e["contentBlockStart"] for e in events if "contentBlockStart" in e]
    assert [s["contentBlockIndex"] for s in starts] == [0, 1]
    assert [s["start"]["toolUse"]["name"] for s in starts] == ["get_weather", "clock"]
    inputs = {0: "", 1: ""}
    for delta in (e["contentBlockDelta"] for e in events if "contentBlockDelta" in e):
        inputs[delta["contentBlockIndex"]] += delta["delta"]["toolUse"]["input"]
    assert json.loads(inputs[0]) == {"city": "Rome"}
    assert events[-2]["messageStop"]["stopReason"] == "tool_use"
    open_block = None
    for event in events:
        if "contentBlockStart" in event:
            assert open_block is None
            open_block = event["contentBlockStart"]["contentBlockIndex"]
        elif "contentBlockStop" in event:
            assert event["contentBlockStop"]["contentBlockIndex"] == open_block
            open_block = None


def test_tool_results_are_answered(bedrock):
    messages = user("What weather has Oslo?")
    first = bedrock.converse(modelId=NOVA, messages=messages, toolConfig=TOOLS)
    call = first["output"]["message"]["content"][0]["toolUse"]
    assert first["stopReason"] == "tool_use" and call["input"] == {"city": "Oslo"}
    result = {
        "toolUseId": call["toolUseId"],
        "content": [{"json": {"sky": "grey"}}],
        "status": "error",
    }
    messages += [first["output"]["message"], {"role": "user", "content": [{"toolResult": result}]}]
    second = bedrock.converse(modelId=NOVA, messages=messages, toolConfig=TOOLS)
    assert 'failed with {"sky":"grey"}' in text_of(second)
    with pytest.raises(ClientError, match="toolConfig field must be defined"):
        bedrock.converse(modelId=NOVA, messages=messages)
    with pytest.raises(ClientError, match="Expected toolResult blocks"):
        bedrock.converse(modelId=NOVA, messages=[*messages[:2], *user("hm")], toolConfig=TOOLS)


def test_limits_stop_and_response_fields(bedrock):
    short = bedrock.converse(modelId=NOVA, messages=user("Rain?"), inferenceConfig={"maxTokens": 4})
    assert short["stopReason"] == "max_tokens" and short["usage"]["outputTokens"] == 4
    stopped = bedrock.converse(
        modelId=NOVA,
        messages=user("echo: one two three"),
        inferenceConfig={"stopSequences": [" two"]},
        additionalModelResponseFieldPaths=["/stop_sequence", "/other"],
        performanceConfig={"latency": "standard"},
    )
    assert (text_of(stopped), stopped["stopReason"]) == ("one", "stop_sequence")
    assert stopped["additionalModelResponseFields"] == {"stop_sequence": " two"}
    assert stopped["performanceConfig"] == {"latency": "standard"}


def test_json_schema(bedrock):
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string"}},
        "required": ["answer"],
    }
    form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(schema)}}}
    answer = bedrock.converse(modelId=NOVA, messages=user("Hi"), outputConfig={"textFormat": form})
    assert json.loads(text_of(answer)).keys() == {"answer"}


def test_reasoning_both_forms(bedrock):
    request = {
        "modelId": HAIKU45,
        "messages": user("echo: done"),
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    }
    thought, said = bedrock.converse(**request)["output"]["message"]["content"]
    assert thought["reasoningContent"]["reasoningText"]["signature"].startswith("sig")
    assert said == {"text": "done"}
    events = drain(bedrock.converse_stream(**request)["stream"])
    deltas = [e["contentBlockDelta"]["delta"] for e in events if "contentBlockDelta" in e]
    reasoning = [d["reasoningContent"] for d in deltas if "reasoningContent" in d]
    text = "".join(part.get("text", "") for part in reasoning)
    assert text == thought["reasoningContent"]["reasoningText"]["text"]
    assert "signature" in reasoning[-1]
    with pytest.raises(ClientError, match="does not support extended"):
        bedrock.converse(**request | {"modelId": NOVA})


def test_cache_points(bedrock):
    system = [{"text": ("rule " * 1200).strip()}, {"cachePoint": {"type": "default"}}]
    uses = [
        bedrock.converse(modelId=NOVA, messages=user(text), system=system)["usage"]
        for text in ("echo: one", "echo: two")
    ]
    assert uses[0]["cacheReadInputTokens"] == 0 and uses[0]["cacheWriteInputTokens"] == 1203
    assert uses[1]["cacheReadInputTokens"] == 1203 and uses[1]["cacheWriteInputTokens"] == 0
    for used in uses:
        assert used["totalTokens"] == sum(v for k, v in used.items() if k != "totalTokens")


def test_media(bedrock):
    image = {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}}
    document = {"document": {"format": "pdf", "name": "a", "source": {"bytes": b"%PDF"}}}
    answer = bedrock.converse(modelId=NOVA, messages=user("Look.", image, document))
    assert text_of(answer).startswith("Received 1 image and 1 document.")
    with pytest.raises(ClientError, match="doesn't support the document content block"):
        bedrock.converse(modelId=HAIKU, messages=user("Look.", document))


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}",
        f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{HAIKU45}",
    ],
)
def test_arns_with_encoded_slashes(bedrock, control, arn):
    bedrock.converse(modelId=arn, messages=user("echo: x"))
    entry = control.last()
    assert entry["model"] == arn.split("/")[1] and "%2F" in entry["path"]


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("The provided model identifier is invalid.", {"modelId": "no.such-model"}),
        ("The provided model identifier is invalid.", {"modelId": "gpt-4o"}),
        ("ContentBlock object at messages.0.content.0 is blank", {"messages": user("")}),
        (
            "must start with a user",
            {"messages": [{"role": "assistant", "content": [{"text": "x"}]}]},
        ),
        ("must start with a user", {"messages": []}),
        ("must alternate", {"messages": user("x") * 2}),
        ("exceeds the model limit of 10000", {"inferenceConfig": {"maxTokens": 20000}}),
        (
            "guardrail identifier or version",
            {"guardrailConfig": {"guardrailIdentifier": "no", "guardrailVersion": "1"}},
        ),
    ],
)
def test_refusals(bedrock, words, change):
    with pytest.raises(ClientError, match=words) as caught:
        bedrock.converse(**{"modelId": NOVA, "messages": user("x")} | change)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["ResponseMetadata"]["RequestId"]


def test_context_window(bedrock, control):
    control.profile(NOVA, context_window=50)
    with pytest.raises(ClientError, match="Input is too long for requested model"):
        bedrock.converse(modelId=NOVA, messages=user("a " * 60))


def test_authorization(base):
    anonymous = boto3.client(
        "bedrock-runtime",
        endpoint_url=f"{base}/bedrock",
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError) as caught:
        anonymous.converse(modelId=NOVA, messages=user("x"))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    anonymous.meta.events.register(
        "before-send.bedrock-runtime.*",
        lambda request, **_: request.headers.update(Authorization="Bearer abc"),
    )
    assert text_of(anonymous.converse(modelId=NOVA, messages=user("echo: hi"))) == "hi"
    anonymous.close()


def anthropic(text, **more):
    return json.dumps(
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 500,
            "messages": [{"role": "user", "content": text}],
        }
        | more
    )


def test_invoke_anthropic(bedrock):
    reply = bedrock.invoke_model(modelId=HAIKU, body=anthropic("Write about rain."))
    answer = json.loads(reply["body"].read())
    assert answer["stop_reason"] == "end_turn"
    assert answer["usage"]["output_tokens"] == count(answer["content"][0]["text"])
    headers = reply["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-bedrock-output-token-count"] == str(answer["usage"]["output_tokens"])
    stream = bedrock.invoke_model_with_response_stream(
        modelId=HAIKU, body=anthropic("Write about rain.")
    )
    events = [json.loads(event["chunk"]["bytes"]) for event in drain(stream["body"])]
    texts = [e["delta"]["text"] for e in events if e["type"] == "content_block_delta"]
    assert "".join(texts) == answer["content"][0]["text"]
    assert [events[0]["type"], events[1]["type"]] == ["message_start", "content_block_start"]
    assert [e["type"] for e in events[-3:]] == [
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    assert metrics["outputTokenCount"] == answer["usage"]["output_tokens"]
    assert metrics["inputTokenCount"] == answer["usage"]["input_tokens"]


def test_invoke_anthropic_tools_and_mistakes(bedrock):
    tool = {
        "name": "get_weather",
        "input_schema": TOOLS["tools"][0]["toolSpec"]["inputSchema"]["json"],
    }
    body = anthropic("What is the weather in Oslo?", tools=[tool], tool_choice={"type": "any"})
    answer = json.loads(bedrock.invoke_model(modelId=HAIKU, body=body)["body"].read())
    assert answer["stop_reason"] == "tool_use"
    assert answer["content"][0]["input"] == {"city": "Oslo"}
    for body in (anthropic("x", n=2), "{}", anthropic("x", max_tokens=0)):
        with pytest.raises(ClientError, match="Malformed input request"):
            bedrock.invoke_model(modelId=HAIKU, body=body)


def test_titan_embeddings(bedrock):
    def embed(**body):
        return json.loads(bedrock.invoke_model(modelId=TITAN, body=json.dumps(body))["body"].read())

    answer = embed(inputText="two words")
    assert len(answer["embedding"]) == 1024 and answer["inputTextTokenCount"] == 2
    assert len(embed(inputText="two words", dimensions=256)["embedding"]) == 256
    with pytest.raises(ClientError, match="dimensions"):
        embed(inputText="x", dimensions=300)
    both = embed(inputText="two words", embeddingTypes=["binary", "float"])["embeddingsByType"]
    assert both["float"] == answer["embedding"]
    assert both["binary"] == [int(value > 0) for value in answer["embedding"]]
    with pytest.raises(ClientError, match="embeddingTypes"):
        embed(inputText="x", embeddingTypes=["int8"])


def test_count_tokens_agrees_with_usage(bedrock):
    request = {"messages": user("How many tokens are these?"), "system": [{"text": "Count."}]}
    counted = bedrock.count_tokens(modelId=HAIKU, input={"converse": request})["inputTokens"]
    assert counted == bedrock.converse(modelId=HAIKU, **request)["usage"]["inputTokens"]
    body = anthropic("How many?")
    counted = bedrock.count_tokens(modelId=HAIKU, input={"invokeModel": {"body": body}})
    answer = json.loads(bedrock.invoke_model(modelId=HAIKU, body=body)["body"].read())
    assert counted["inputTokens"] == answer["usage"]["input_tokens"]


GUARD = {"guardrailIdentifier": "grworkbench1", "guardrailVersion": "1"}


def apply(bedrock, text, source="INPUT", **change):
    return bedrock.apply_guardrail(
        **GUARD | change, source=source, content=[{"text": {"text": text}}]
    )


def test_apply_guardrail(bedrock):
    passed = apply(bedrock, "a harmless text")
    assert (passed["action"], passed["outputs"]) == ("NONE", [])
    blocked = apply(bedrock, "Give me a Moonshine Recipe now", "OUTPUT")
    assert blocked["action"] == "GUARDRAIL_INTERVENED"
    assert blocked["outputs"] == [{"text": "Sorry, the answer was withheld."}]
    (word,) = blocked["assessments"][0]["wordPolicy"]["customWords"]
    assert word["match"] == "Moonshine Recipe"
    masked = apply(bedrock, "Write to a@b.example about TICKET-12345.")
    assert masked["outputs"] == [{"text": "Write to {EMAIL} about {ticket}."}]
    found = masked["assessments"][0]["sensitiveInformationPolicy"]
    assert found["piiEntities"][0]["match"] == "a@b.example"
    assert found["regexes"][0]["name"] == "ticket"
    with pytest.raises(ClientError) as caught:
        apply(bedrock, "x", guardrailVersion="9")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_guardrail_in_converse(bedrock):
    def ask(text, **config):
        return bedrock.converse(modelId=NOVA, messages=user(text), guardrailConfig=GUARD | config)

    assert ask("echo: fine")["stopReason"] == "end_turn"
    blocked = ask("a moonshine recipe", trace="enabled")
    assert blocked["stopReason"] == "guardrail_intervened"
    assert text_of(blocked) == "Sorry, the model cannot answer this question."
    assert "grworkbench1" in blocked["trace"]["guardrail"]["inputAssessment"]
    masked = ask("echo: mail a@b.example")
    assert text_of(masked) == "mail {EMAIL}"
    events = drain(
        bedrock.converse_stream(
            modelId=NOVA,
            messages=user("a moonshine recipe"),
            guardrailConfig=GUARD | {"trace": "enabled"},
        )["stream"]
    )
    assert events[-2]["messageStop"]["stopReason"] == "guardrail_intervened"
    assert events[-1]["metadata"]["trace"]["guardrail"]["inputAssessment"]


def test_get_prompt(agent):
    draft = agent.get_prompt(promptIdentifier="PROMPTTXT1")
    assert draft["version"] == "DRAFT"
    second = agent.get_prompt(promptIdentifier="PROMPTTXT1", promptVersion="2")
    assert second["variants"][0]["templateConfiguration"]["text"]["inputVariables"][1] == {
        "name": "tone"
    }
    by_arn = agent.get_prompt(promptIdentifier=second["arn"])
    assert by_arn["version"] == "2" and by_arn["variants"] == second["variants"]
    chat = agent.get_prompt(promptIdentifier="PROMPTCHT1", promptVersion="1")["variants"][0]
    assert chat["templateType"] == "CHAT"
    assert chat["templateConfiguration"]["chat"]["system"][0]["text"].startswith("You help")
    for wrong in (
        {"promptIdentifier": "NOSUCHPRMT"},
        {"promptIdentifier": "PROMPTTXT1", "promptVersion": "7"},
    ):
        with pytest.raises(agent.exceptions.ResourceNotFoundException):
            agent.get_prompt(**wrong)
