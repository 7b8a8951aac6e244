"""Converse and ConverseStream, through boto3."""

import json

import httpx
import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError

from gateway_lib.simulator.tokens import count
from tests.lib.simulator.bedrock import HAIKU, HAIKU45, NOVA, TOOLS, drain, text_of, user


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
        timeout=60,
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
