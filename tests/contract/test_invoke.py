"""InvokeModel with bodies of Anthropic's messages API, whatever provider serves the model."""

from __future__ import annotations

import pytest

from tests.contract.messages import body, checked, streamed, user
from tests.contract.models import HAIKU_4_5, NOBODY, OPENAI
from tests.contract.strict import refusal
from tests.contract.turns import WEATHER_SCHEMA, encoded, png

WEATHER = {"name": "get_weather", "description": "The weather.", "input_schema": WEATHER_SCHEMA}


@pytest.fixture(params=["invoke", "invoke-with-response-stream"])
def operation(request):
    return request.param


@pytest.fixture
def invoke(strict, model, operation):
    """Returns the message, from either operation."""

    def send(request):
        response = strict.send(operation, model, request)
        if operation == "invoke":
            assert response.status_code == 200, response.text
            assert response.headers["content-type"] == "application/json"
            return checked(response.json())
        return streamed(response).message

    return send


def test_an_answer(invoke, marker):
    message = invoke(body(user(f"echo: Good morning, {marker}.")))
    assert [b for b in message["content"] if b.get("text")] == [
        {"type": "text", "text": f"Good morning, {marker}."}
    ]
    assert message["stop_reason"] == "end_turn"
    assert message["usage"]["input_tokens"] > 3
    assert message["usage"]["output_tokens"] > 3


def test_a_limit(invoke, marker):
    message = invoke(body(user(f"echo: {marker} and many words more than five"), max_tokens=5))
    assert message["stop_reason"] == "max_tokens"
    assert message["usage"]["output_tokens"] == 5


def test_a_tool(invoke, marker):
    words = f'{marker}\ncall: get_weather {{"city": "Bern"}}'
    message = invoke(body(user(words), tools=[WEATHER]))
    assert message["stop_reason"] == "tool_use"
    (call,) = [block for block in message["content"] if block["type"] == "tool_use"]
    assert (call["name"], call["input"]) == ("get_weather", {"city": "Bern"})
    assert call["id"]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "17 degrees"}
    turns = [user(words), {"role": "assistant", "content": message["content"]}, user([result])]
    message = invoke(body(*turns, tools=[WEATHER]))
    assert message["content"][-1]["text"].startswith("The tool returned 17 degrees.")


def test_nothing_is_dropped(invoke, provider, marker):
    shot = png(40)
    source = {"type": "base64", "media_type": "image/png", "data": encoded(shot)}
    blocks = [{"type": "text", "text": marker}, {"type": "image", "source": source}]
    invoke(body(user(blocks), system="Be brief.", temperature=0.25, stop_sequences=["HALT"]))
    received = provider.only(marker)
    assert received.holds(shot)
    assert all(part in received.text for part in ("Be brief.", "0.25", "HALT"))


@pytest.mark.parametrize("model", [HAIKU_4_5])
def test_thinking(invoke, marker):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    message = invoke(body(user(f"echo: {marker}"), thinking=thinking, max_tokens=3000))
    thought, said = message["content"]
    assert thought["type"] == "thinking"
    assert thought["thinking"]
    assert said["text"] == marker


def test_a_stream_counts_at_its_end(strict, model, marker):
    request = body(user(f"echo: {marker}"))
    events = streamed(strict.send("invoke-with-response-stream", model, request))
    assert events.metrics["inputTokenCount"] > 3
    assert events.metrics["outputTokenCount"] == events.message["usage"]["output_tokens"]
    assert events.metrics["invocationLatency"] >= events.metrics["firstByteLatency"] > 0


def test_a_stream_that_breaks_off(strict, provider, model, marker):
    provider.fail(model, "slow_chunks", seconds=0.02)
    provider.fail(model, "cut_mid_stream", after_tokens=6)
    request = body(user(f"echo: {marker} {'and more words ' * 10}"))
    events = streamed(strict.send("invoke-with-response-stream", model, request))
    assert events.exception
    assert events.exception.payload["message"]


@pytest.mark.parametrize(
    ("request_body", "model"),
    [
        ({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 5}, HAIKU_4_5),
        ({"anthropic_version": "bedrock-2023-05-31", "messages": [user("Hi")]}, HAIKU_4_5),
        ({"prompt": "Hello"}, OPENAI),
        (body(user("Hi"), api_base="http://127.0.0.1:9"), OPENAI),
        ([], OPENAI),
        (b"{", OPENAI),
        (body(user("Hi")), NOBODY),
    ],
    ids=["no messages", "no limit", "another form", "an endpoint", "a list", "broken", "no model"],
)
def test_what_is_refused(strict, operation, request_body, model):
    refused = refusal(operation, strict.send(operation, model, request_body))
    assert (refused.status, refused.name) == (400, "ValidationException")


@pytest.mark.parametrize(
    ("status", "names"),
    [
        (429, {"ThrottlingException"}),
        (500, {"InternalServerException", "ServiceUnavailableException"}),
        (503, {"ServiceUnavailableException"}),
    ],
)
def test_a_provider_that_fails(strict, provider, operation, model, marker, status, names):
    provider.fail(model, "status", status=status)
    refused = refusal(operation, strict.send(operation, model, body(user(marker))))
    assert refused.name in names


def test_keys(strict, operation):
    for header in ("", "Bearer sk-nobody"):
        response = strict.send(operation, OPENAI, body(user("Hi")), authorization=header)
        assert refusal(operation, response).name == "AccessDeniedException"
