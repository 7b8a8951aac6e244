"""The AWS SDK for JavaScript and the Vercel AI SDK, over https and HTTP/2, from environment variables."""

from __future__ import annotations

import pytest

from tests.contract.models import HAIKU_4_5, OPENAI

MODELS = pytest.mark.parametrize("model", [OPENAI, HAIKU_4_5])


@MODELS
def test_aws_sdk(run, provider, model, marker, picture):
    told = run("aws_sdk_js/converse.mjs", model)
    assert told["protocol"] == "h2"
    plain = told["plain"]
    assert (plain["role"], plain["content"]) == ("assistant", [{"text": f"Ahoy {marker}"}])
    assert plain["stopReason"] == "end_turn"
    assert (
        plain["usage"]["totalTokens"]
        == plain["usage"]["inputTokens"] + plain["usage"]["outputTokens"]
    )
    assert told["requestId"]
    assert told["seen"].startswith("Received 1 image.")
    assert any(received.holds(picture.read_bytes()) for received in provider.received(marker))
    assert told["invoked"]["contentType"] == "application/json"
    assert told["invoked"]["content"][-1]["text"] == f"invoked {marker}"


@MODELS
def test_aws_sdk_streams_and_tools(run, model, marker):
    told = run("aws_sdk_js/converse.mjs", model)
    stream, tools, loop = told["stream"], told["toolStream"], told["loop"]
    order = ["messageStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"]
    assert stream["kinds"] == order
    assert stream["text"] == f"{marker} one two three four five"
    assert stream["stopReason"] == "end_turn"
    assert stream["usage"]["totalTokens"] > 8
    assert tools["kinds"] == [order[0], "contentBlockStart", *order[1:]]
    assert tools["tool"]["name"] == "harbour_tides"
    assert tools["input"] == '{"port":"Wismar"}'
    assert tools["stopReason"] == loop["stopReason"] == "tool_use"
    assert loop["use"]["input"] == {"port": "Kiel"}
    assert loop["answer"].startswith('The tool returned {"highWater":"06:00"}.')


@MODELS
def test_aws_sdk_errors(run, provider, model):
    told = run("aws_sdk_js/converse.mjs", model)
    assert told["blank"]["name"] == told["unknown"]["name"] == "ValidationException"
    assert told["blank"]["status"] == told["unknown"]["status"] == 400
    assert told["unknown"]["message"] == "The provided model identifier is invalid."
    provider.fail(model, "slow_chunks", seconds=0.02)
    provider.fail(model, "cut_mid_stream", after_tokens=8)
    broken = run("aws_sdk_js/converse.mjs", model, "broken")
    assert broken["error"]["name"] in ("ModelStreamErrorException", "InternalServerException")
    assert broken["text"]
    assert broken["kinds"] == ["messageStart", "contentBlockDelta"]


@MODELS
def test_vercel_ai(run, provider, model, marker, picture):
    told = run("vercel_ai/chat.mjs", model)
    assert told["plain"]["text"] == f"Ahoy {marker}"
    assert told["plain"]["finishReason"] == "stop"
    assert told["plain"]["usage"]["inputTokens"] > 5
    assert told["stream"]["text"] == f"{marker} one two three four five"
    assert told["stream"]["pieces"] > 2
    assert told["stream"]["finishReason"] == "stop"
    assert told["loop"]["steps"] == 2
    assert told["loop"]["text"].startswith('The tool returned {"port":"Kiel","highWater":"06:00"}.')
    assert told["toolStream"]["text"].startswith('The tool returned {"port":"Wismar"')
    assert {"tool-input-delta", "tool-call", "tool-result"} <= set(told["toolStream"]["kinds"])
    assert told["asked"] == ["Kiel", "Wismar"]
    assert told["form"] == {"name": "Rerik", "berths": 12}
    assert told["limit"] == {"finishReason": "length", "outputTokens": 5}
    assert told["seen"].startswith("Received 1 image.")
    assert any(received.holds(picture.read_bytes()) for received in provider.received(marker))
    unknown = told["unknown"]
    assert (unknown["isApiError"], unknown["status"]) == (True, 400)
    assert unknown["message"] == "The provided model identifier is invalid."


@MODELS
def test_vercel_ai_hears_of_a_broken_stream(run, provider, model):
    provider.fail(model, "slow_chunks", seconds=0.02)
    provider.fail(model, "cut_mid_stream", after_tokens=8)
    broken = run("vercel_ai/chat.mjs", model, "broken")
    assert broken["text"]
    assert "error" in broken["kinds"]
