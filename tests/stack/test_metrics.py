"""What is counted of calls over the whole chain is what their answers said."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.middleware.metrics.exposition import Exposition

from .callers import BEDROCK, OPENAI, Caller

INPUT, OUTPUT = {"gen_ai_token_type": "input"}, {"gen_ai_token_type": "output"}
TOKENS, COST = "gen_ai_client_token_usage_sum", "middleware_cost_dollars_total"
CALLS = "gen_ai_server_request_duration_seconds_count"
FIRST = "gen_ai_server_time_to_first_token_seconds_count"
Growth = Callable[..., float]


@pytest.fixture
def grown(master: Caller, provider: Any) -> Growth:
    """How much a sample has grown since the test began."""

    def read() -> Exposition:
        return Exposition(master.http.get("/metricz").text)

    before = read()

    def growth(name: str, **labels: str) -> float:
        return read().value(name, **labels) - before.value(name, **labels)

    return growth


def openai_call(caller: Caller, model: str, kept: bool) -> tuple[int, int]:
    answer = caller.say(
        "hello", model, extra_body={"enable_history": kept, "cache": {"no-cache": True}}
    )
    return answer.usage.prompt_tokens, answer.usage.completion_tokens


def openai_stream(caller: Caller, model: str, kept: bool) -> tuple[int, int]:
    chunks = list(
        caller.say(
            "hello",
            model,
            stream=True,
            stream_options={"include_usage": True},
            extra_body={"enable_history": kept, "cache": {"no-cache": True}},
        )
    )
    return chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens


def converse(caller: Caller, model: str, kept: bool) -> tuple[int, int]:
    fields = {"enable_history": kept}
    usage = caller.converse("hello", model, additionalModelRequestFields=fields)["usage"]
    return usage["inputTokens"], usage["outputTokens"]


def converse_stream(caller: Caller, model: str, kept: bool) -> tuple[int, int]:
    answer = caller.bedrock.converse_stream(
        modelId=model,
        messages=[{"role": "user", "content": [{"text": "hello"}]}],
        additionalModelRequestFields={"enable_history": kept},
    )
    [usage] = [event["metadata"]["usage"] for event in answer["stream"] if "metadata" in event]
    return usage["inputTokens"], usage["outputTokens"]


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("call", [openai_call, openai_stream, converse, converse_stream])
@pytest.mark.parametrize("model", [OPENAI, BEDROCK])
def test_tokens_cost_and_first_token_of_a_call(caller, grown, call, model, kept):
    labels = {"gen_ai_request_model": model}
    asked, written = call(caller, model, kept)
    _wait(lambda: grown(CALLS, **labels, error_type="") == 1)
    assert grown(TOKENS, **labels, **INPUT) == asked > 0
    assert grown(TOKENS, **labels, **OUTPUT) == written > 0
    assert grown(FIRST, **labels) == ("stream" in call.__name__)
    assert grown("middleware_history_turns_total", outcome="complete") == kept
    assert grown("middleware_usage_unknown_total") == 0
    assert grown(COST, **labels) > 0


def test_invoke_and_anthropics_messages(caller, grown):
    body = {"max_tokens": 20, "messages": [{"role": "user", "content": "hello"}]}
    asked = written = 0
    answer = caller.http.post("/v1/messages", json={**body, "model": OPENAI}).json()
    asked, written = (
        asked + answer["usage"]["input_tokens"],
        written + answer["usage"]["output_tokens"],
    )
    native = json.dumps({**body, "anthropic_version": "bedrock-2023-05-31"})
    told = caller.bedrock.invoke_model(modelId=OPENAI, body=native)
    usage = json.loads(told["body"].read())["usage"]
    asked, written = asked + usage["input_tokens"], written + usage["output_tokens"]
    stream = caller.bedrock.invoke_model_with_response_stream(modelId=OPENAI, body=native)
    events = [json.loads(event["chunk"]["bytes"]) for event in stream["body"]]
    counts = events[-1]["amazon-bedrock-invocationMetrics"]
    asked, written = asked + counts["inputTokenCount"], written + counts["outputTokenCount"]
    labels = {"gen_ai_request_model": OPENAI}
    _wait(lambda: grown(CALLS, **labels) == 3)
    assert grown(TOKENS, **labels, **INPUT) == asked
    assert grown(TOKENS, **labels, **OUTPUT) == written
    assert grown(FIRST, **labels) == 1


def test_a_provider_that_fails(caller, provider, grown, marker):
    provider.fail(OPENAI, "status", status=500)
    with pytest.raises(openai.InternalServerError):
        caller.say(marker, OPENAI)
    assert grown("middleware_upstream_errors_total", kind="500") == 1
    told = {"http_route": "/v1/chat/completions", "http_response_status_code": "500"}
    assert grown("http_server_request_duration_seconds_count", **told) == 1


def test_a_budget_that_is_spent(master, someone, grown):
    poor = someone(model_max_budget={OPENAI: {"budget_limit": 1e-9, "time_period": "1d"}})

    def refused() -> bool:
        try:
            poor.say("hello", OPENAI)
        except openai.RateLimitError as error:
            return error.code == "budget_exceeded"
        return False

    _wait(refused)
    assert grown("middleware_errors_total", error_type="BudgetExceeded") >= 1


def _wait(condition: Callable[[], bool]) -> None:
    """The caller may have the last byte before the request is counted."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
