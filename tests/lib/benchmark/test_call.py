import pytest
from openai import AsyncOpenAI

from gateway_lib.benchmark import measured_call, response_cost
from tests.lib.benchmark.conftest import CHUNKS, ITL_S, TTFT_S


async def test_the_meter_agrees_with_the_truth(client):
    await measured_call(client, "warm-up", "?")
    calls = [await measured_call(client, "steady", "?") for _ in range(5)]
    best = min(calls, key=lambda call: call.total_ms)
    truth_total = (TTFT_S + ITL_S * (CHUNKS - 1)) * 1000
    assert TTFT_S * 1000 <= best.ttft_ms < TTFT_S * 1000 + 25
    assert truth_total <= best.total_ms < truth_total + 50
    assert ITL_S * 1000 * 0.8 <= best.itl_p50_ms < ITL_S * 1000 * 1.5
    assert all(call.ttft_ms >= TTFT_S * 1000 for call in calls)


async def test_a_call_tells_tokens_cost_and_where_it_went(client, provider):
    call = await measured_call(client, "steady", "a question", max_tokens=50)
    assert (call.ok, call.error, call.status) == (True, None, 200)
    assert (call.chunks, call.tokens_in, call.tokens_out) == (CHUNKS, 7, CHUNKS)
    assert (call.cost_usd, call.cost_source) == (0.002, "stream usage")
    assert (call.request_id, call.deployment, call.finish_reason) == ("r-1", "d-1", "stop")
    assert call.text.startswith("Lisbon word ")
    [asked] = provider.asked
    assert asked["messages"] == [{"role": "user", "content": "a question"}]
    assert asked["max_tokens"] == 50
    assert asked["stream_options"] == {"include_usage": True}
    assert asked["cache"] == {"no-cache": True}


async def test_the_cache_is_bypassed_unless_asked_for(client, provider):
    await measured_call(client, "steady", "?", use_cache=True)
    assert "cache" not in provider.asked[0]


async def test_a_cost_that_was_not_told_is_null(client):
    call = await measured_call(client, "unpriced", "?")
    assert call.ok
    assert (call.cost_usd, call.cost_source) == (None, None)


@pytest.mark.parametrize(
    ("model", "error", "status", "chunks"),
    [
        ("throttled", "RateLimitError: ", 429, 0),
        ("cut", "", 200, 6),
        ("endless", "IncompleteStream: ", 200, CHUNKS),
    ],
)
async def test_failures_are_results(client, model, error, status, chunks):
    call = await measured_call(client, model, "?")
    assert not call.ok
    assert call.error.startswith(error)
    assert call.error
    assert (call.status, call.chunks) == (status, chunks)
    assert (call.ttft_ms is None) == (chunks == 0)
    assert call.cost_usd is None


async def test_nobody_there_is_a_result_too():
    async with AsyncOpenAI(base_url="http://127.0.0.1:9/v1", api_key="x", max_retries=0) as nobody:
        call = await measured_call(nobody, "m", "?")
    assert call.error.startswith("APIConnectionError")
    assert (call.ok, call.status, call.ttft_ms) == (False, None, None)


def test_the_cost_of_a_response_is_read_from_its_header():
    assert response_cost({"x-litellm-response-cost": "4.17e-05"}) == 4.17e-05
    assert response_cost({"x-litellm-response-cost": "None"}) is None
    assert response_cost({}) is None
