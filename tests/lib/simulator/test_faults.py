"""Faults, disconnects and the control API."""

import asyncio
import json
import time
from contextlib import closing

import httpx
import openai
import pytest
from botocore.exceptions import ClientError, EventStreamError

NOVA = "amazon.nova-lite-v1:0"
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Write about the sea."}]}
ASK = {"modelId": NOVA, "messages": [{"role": "user", "content": [{"text": "Write."}]}]}
KEY = {"authorization": "Bearer k"}


def drain(stream):
    with closing(stream):
        return list(stream)


def complete(client, **options):
    return client.chat.completions.create(**BODY, **options)


def test_status_with_retry_after_and_count(client, bedrock, control):
    control.faults({"kind": "status", "status": 429, "retry_after": 7, "count": 2})
    with pytest.raises(openai.RateLimitError) as caught:
        complete(client)
    assert caught.value.response.headers["retry-after"] == "7"
    with pytest.raises(ClientError) as refused:
        bedrock.converse(**ASK)
    assert refused.value.response["Error"]["Code"] == "ThrottlingException"
    assert refused.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"
    assert complete(client).choices[0].finish_reason == "stop"
    assert control.state()["totals"]["gpt-4o-mini"] == control.state()["totals"]["gpt-4o-mini"] | {
        "requests": 2,
        "refused": 1,
        "done": 1,
    }


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (408, "ModelTimeoutException"),
        (424, "ModelErrorException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ],
)
def test_bedrock_names_every_status(bedrock, control, status, name):
    control.faults({"match": NOVA, "kind": "status", "status": status})
    with pytest.raises(ClientError) as caught:
        bedrock.converse_stream(**ASK)
    assert caught.value.response["Error"]["Code"] == name
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_code_and_message_can_be_chosen(bedrock, control):
    fault = {
        "kind": "status",
        "status": 429,
        "code": "ModelNotReadyException",
        "message": "warming",
    }
    control.faults(fault)
    with pytest.raises(bedrock.exceptions.ModelNotReadyException, match="warming"):
        bedrock.converse(**ASK)


def test_latency_and_slow_chunks(client, control):
    control.faults({"kind": "latency", "seconds": 0.4}, {"kind": "slow_chunks", "seconds": 0.05})
    start = time.monotonic()
    complete(client, max_tokens=5)
    assert 0.65 <= time.monotonic() - start < 3


def test_rate_is_honoured(base, control):
    control.faults({"kind": "status", "status": 500, "rate": 0.5, "match": "text-*"})
    body = {"model": "text-embedding-3-small", "input": "x"}
    control.profile("text-embedding-3-small", ttft_ms={"constant": 0})
    with httpx.Client(base_url=f"{base}/openai/v1", headers=KEY, timeout=60) as http:
        failed = sum(http.post("/embeddings", json=body).status_code == 500 for _ in range(100))
    assert 30 <= failed <= 70


def test_cut_mid_stream(client, bedrock, control):
    control.faults({"kind": "cut_mid_stream", "after_tokens": 6})
    texts = []
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        texts += [c.choices[0].delta.content for c in complete(client, stream=True)]
    entry = control.last()
    assert (entry["outcome"], entry["tokens_sent"]) == ("cut", 6)
    with pytest.raises(openai.APIConnectionError):
        complete(client)
    with pytest.raises(Exception, match=r"(?i)incomplete|broken|prematurely"):
        drain(bedrock.converse_stream(**ASK)["stream"])


def test_reset(client, control):
    control.faults({"kind": "reset"})
    with pytest.raises(openai.APIConnectionError):
        complete(client)
    assert control.last()["outcome"] == "cut"


def test_error_event(client, bedrock, control):
    control.faults({"kind": "error_event", "after_tokens": 3, "message": "it broke"})
    seen = []
    with pytest.raises(openai.APIError, match="it broke"):
        for chunk in complete(client, stream=True):
            seen.append(chunk.choices[0].delta.content)
    assert len([text for text in seen if text]) == 3
    assert control.last()["outcome"] == "broken"
    with pytest.raises(EventStreamError, match="internalServerException"):
        drain(bedrock.converse_stream(**ASK)["stream"])
    with pytest.raises(openai.InternalServerError, match="it broke"):
        complete(client)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "validationException"),
        (424, "modelStreamErrorException"),
        (429, "throttlingException"),
        (500, "internalServerException"),
        (503, "serviceUnavailableException"),
    ],
)
def test_every_stream_exception(bedrock, control, status, name):
    control.faults({"kind": "error_event", "status": status, "after_tokens": 1})
    with pytest.raises(EventStreamError, match=name):
        drain(bedrock.converse_stream(**ASK)["stream"])


def test_malformed_json(base, control):
    control.faults({"kind": "malformed_json", "after_tokens": 2})
    url = f"{base}/openai/v1/chat/completions"
    reply = httpx.post(url, json=BODY, headers=KEY, timeout=60)
    assert reply.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        reply.json()
    streamed = httpx.post(url, json=BODY | {"stream": True}, headers=KEY, timeout=60)
    with pytest.raises(json.JSONDecodeError):
        json.loads(streamed.text.strip().rpartition("data: ")[2])
    assert "[DONE]" not in streamed.text


@pytest.mark.parametrize(
    "reason", ["content_filtered", "malformed_tool_use", "model_context_window_exceeded"]
)
def test_stop_reason(client, bedrock, control, reason):
    control.faults({"kind": "stop_reason", "stop_reason": reason})
    assert bedrock.converse(**ASK)["stopReason"] == reason
    if reason == "content_filtered":
        assert complete(client).choices[0].finish_reason == "content_filter"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "explode"}, "kind"),
        ({"kind": "status"}, "needs status"),
        ({"kind": "latency", "seconds": 1, "status": 500}, "has no status"),
        ({"kind": "reset", "rate": 2}, "rate"),
        ({"kind": "reset", "colour": "red"}, "colour"),
    ],
)
def test_wrong_faults_are_refused(base, fault, words):
    reply = httpx.put(f"{base}/control/faults", json=[fault])
    assert reply.status_code == 422 and words in reply.json()["error"]
    assert httpx.get(f"{base}/control/faults", timeout=60).json() == []


def test_listing_and_clearing(base, control):
    fault = {"kind": "reset", "count": 3, "match": "none"}
    assert control.faults(fault) == [fault | {"remaining": 3}]
    assert httpx.delete(f"{base}/control/faults", timeout=60).json() == []


async def ended(http, base):
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        entry = (await http.get(f"{base}/control/received?limit=1")).json()[0]
        if entry["outcome"] != "running":
            return entry
        await asyncio.sleep(0.02)
    raise AssertionError("the request is still running")


async def test_disconnect_from_a_stream_ends_it(base, control):
    control.faults({"kind": "slow_chunks", "seconds": 0.1})
    async with httpx.AsyncClient(headers=KEY, timeout=60) as http:
        url = f"{base}/openai/v1/chat/completions"
        async with http.stream("POST", url, json=BODY | {"stream": True}) as reply:
            async for _ in reply.aiter_lines():
                state = (await http.get(f"{base}/control/state")).json()
                assert state["in_flight"] == {"gpt-4o-mini": 1}
                break
        left = time.time()
        entry = await ended(http, base)
    assert entry["outcome"] == "disconnected" and entry["disconnected"]
    assert entry["disconnected_at"] - left < 0.5
    assert entry["tokens_sent"] < 10
    assert control.state()["in_flight"] == {}


@pytest.mark.parametrize(
    "path",
    [
        "openai/v1/chat/completions",
        f"bedrock/model/{NOVA}/converse",
        f"bedrock/model/{NOVA}/converse-stream",
    ],
)
async def test_disconnect_while_hanging(base, control, path):
    control.faults({"kind": "hang"})
    body = BODY if path.startswith("openai") else {"messages": ASK["messages"]}
    async with httpx.AsyncClient(headers=KEY, timeout=60) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(f"{base}/{path}", json=body, timeout=0.3)
        entry = await ended(http, base)
    assert entry["outcome"] == "disconnected" and entry["tokens_sent"] == 0


def test_profile_rates_are_failures(client, control):
    control.profile("gpt-4o-mini", throttle_rate=1)
    with pytest.raises(openai.RateLimitError):
        complete(client)
    control.profile("gpt-4o-mini", throttle_rate=0, error_rate=1)
    with pytest.raises(openai.InternalServerError):
        complete(client)
    control.profile("gpt-4o-mini", error_rate=0, cut_rate=1)
    with pytest.raises(openai.APIConnectionError):
        complete(client)


def test_profiles_can_be_read_and_reset(base, control):
    before = httpx.get(f"{base}/control/profiles", timeout=60).json()["gpt-4o"]
    assert control.profile("gpt-4o", ttft_ms={"constant": 1})["ttft_ms"]["constant"] == 1
    wrong = httpx.put(f"{base}/control/profiles/gpt-4o", json={"speed": 1})
    assert wrong.status_code == 422 and "speed" in wrong.json()["error"]
    assert httpx.put(f"{base}/control/profiles/nothing", json={}).status_code == 404
    httpx.post(f"{base}/control/reset", timeout=60)
    assert httpx.get(f"{base}/control/profiles", timeout=60).json()["gpt-4o"] == before


def test_totals_book_finished_answers_at_list_price(client, control):
    answer = complete(client)
    totals = control.state()["totals"]["gpt-4o-mini"]
    used = answer.usage
    assert totals["input_tokens"] == used.prompt_tokens
    cost = (used.prompt_tokens * 0.15 + used.completion_tokens * 0.6) / 1e6
    assert totals["cost"] == pytest.approx(cost)


def test_received_is_filtered_and_cleared(base, client, bedrock):
    complete(client, max_tokens=1)
    bedrock.converse(**ASK)
    url = f"{base}/control/received"
    assert [e["model"] for e in httpx.get(url, timeout=60).json()] == ["gpt-4o-mini", NOVA]
    assert len(httpx.get(url, params={"model": NOVA}, timeout=60).json()) == 1
    assert httpx.get(url, params={"limit": "x"}, timeout=60).status_code == 422
    assert httpx.delete(url, timeout=60).json() == httpx.get(url, timeout=60).json() == []
