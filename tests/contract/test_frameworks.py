"""Agent frameworks on their Bedrock models: Strands, Pydantic AI, LlamaIndex, each in its environment."""

from __future__ import annotations

import pytest

from tests.contract.models import HAIKU_4_5, OPENAI

MODELS = pytest.mark.parametrize("model", [OPENAI, HAIKU_4_5])
RERIK = {"name": "Rerik", "berths": 12}


@MODELS
def test_strands(run, provider, model, marker):
    told = run("strands/agent.py", model)
    for port, answer in (("Wismar", told["plain"]), ("Kiel", told["stream"])):
        assert answer["text"].startswith(f"The tool returned High water in {port} at 6 o'clock.")
        assert answer["stop_reason"] == "end_turn"
        usage = answer["usage"]
        assert usage["inputTokens"] + usage["outputTokens"] == usage["totalTokens"] > 100
    assert told["stream"]["pieces"] > 10
    assert told["stream"]["streamed"].strip() == told["stream"]["text"]
    assert told["form"] == RERIK
    assert told["asked"][:2] == ["Wismar", "Kiel"]
    assert len(provider.received(marker)) >= 5


@MODELS
def test_pydantic_ai(run, provider, model, marker, picture):
    told = run("pydantic_ai/agent.py", model)
    assert told["answer"].startswith('The tool returned {"port":"Kiel","high_water":"06:00"}.')
    assert told["parts"] == ["user-prompt", "tool-call", "tool-return", "text"]
    assert told["usage"]["requests"] == 2
    assert told["usage"]["output"] > 10
    assert told["streamed"].startswith('The tool returned {"port":"Wismar","high_water":"06:00"}.')
    assert told["pieces"] > 10
    assert told["stream_usage"] > 100
    assert told["form"] == RERIK
    assert told["seen"].startswith("Received 1 image.")
    assert told["asked"] == ["Kiel", "Wismar"]
    assert any(received.holds(picture.read_bytes()) for received in provider.received(marker))


@MODELS
def test_llama_index(run, provider, model, marker, picture):
    told = run("llama_index/chat.py", model)
    assert told["chat"] == f"Ahoy {marker}"
    assert (
        told["usage"]["prompt_tokens"] + told["usage"]["completion_tokens"]
        == told["usage"]["total_tokens"]
    )
    assert told["streamed"] == " ".join([marker, *map(str, range(30))])
    assert told["pieces"] > 10
    assert told["answer"] == "High water in Kiel at 6 o'clock"
    assert told["asked"] == ["Kiel"]
    assert told["seen"].startswith("Received 1 image.")
    received = provider.received(marker)
    assert {entry.wire for entry in received} == {"openai" if model == OPENAI else "bedrock"}
    assert any(entry.holds(picture.read_bytes()) for entry in received)
