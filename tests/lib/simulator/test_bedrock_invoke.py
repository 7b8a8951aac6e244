"""InvokeModel of Anthropic's and Titan's models, and CountTokens, through boto3."""

import json

import pytest
from botocore.exceptions import ClientError

from gateway_lib.simulator.tokens import count
from tests.lib.simulator.bedrock import HAIKU, TOOLS, drain, user

TITAN = "amazon.titan-embed-text-v2:0"


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
