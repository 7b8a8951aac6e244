"""What a model's answer can be, through LiteLLM, on the Bedrock interface; and a caller that leaves."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid

import boto3
import botocore.exceptions
import httpx
import pytest
from botocore.config import Config

from middleware.bedrock.tokens import Tokens
from middleware.sse import EventParser
from tests.conftest import wait_until

from .callers import BEDROCK, BOTH, OPENAI

THINKING = "us.anthropic.claude-haiku-4-5-20251001-v1:0"


@pytest.fixture(scope="module")
def client(stack):
    """boto3 with nothing but the environment that `gateway env` prints, retries aside."""
    settings = stack.environment
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "AWS_BEARER_TOKEN_BEDROCK",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
            "AWS_CA_BUNDLE",
            "AWS_REGION",
        ):
            patch.setenv(name, settings[name])
        yield boto3.client(
            "bedrock-runtime",
            settings["AWS_REGION"],
            config=Config(retries={"total_max_attempts": 1}),
        )


@pytest.fixture
def provider(stack):
    """The simulator's control API, without faults before and after."""
    with httpx.Client(
        base_url=f"{stack.environment['GATEWAY_SIMULATOR_URL']}/control", timeout=60
    ) as control:
        control.delete("/faults")
        control.delete("/received")
        yield control
        control.delete("/faults")


def say(text):
    return [{"role": "user", "content": [{"text": text}]}]


def events(client, **request):
    return list(client.converse_stream(**request)["stream"])


@BOTH
@pytest.mark.parametrize(
    ("text", "config", "reason"),
    [
        ("echo: hello", {}, "end_turn"),
        ("Tell me a long story.", {"maxTokens": 5}, "max_tokens"),
    ],
)
def test_stop_reasons(client, model, text, config, reason):
    request = {"modelId": model, "messages": say(text), "inferenceConfig": config}
    assert client.converse(**request)["stopReason"] == reason
    assert events(client, **request)[-2]["messageStop"]["stopReason"] == reason


@BOTH
def test_most_of_what_litellm_streams_need_not_be_decoded(caller, model):
    """The middleware's way to read tokens is made for how LiteLLM writes them, whoever the provider is."""
    body = {"model": model, "messages": [{"role": "user", "content": "Tell me a long story."}]}
    stream, parser = {**body, "stream": True}, EventParser()
    with caller.http.stream("POST", "/v1/chat/completions", json=stream) as answer:
        streamed = [data for piece in answer.iter_bytes() for data in parser.feed(piece)]
    tokens, read = Tokens(), 0
    for data in streamed[:-1]:
        if tokens.text(data):
            read += 1
        else:
            tokens.learn(data, json.loads(data))
    assert len(streamed) > 20 and read > 0.8 * len(streamed), streamed[:3]


@pytest.mark.parametrize(("said", "reason"), [("content_filtered", "content_filtered")])
def test_filtered_content(client, provider, said, reason):
    provider.put("/faults", json=[{"match": BEDROCK, "kind": "stop_reason", "stop_reason": said}])
    request = {"modelId": BEDROCK, "messages": say(f"echo: {uuid.uuid4()}")}
    assert client.converse(**request)["stopReason"] == reason


def test_a_guardrail_of_bedrocks_intervenes_and_says_so(client):
    config = {"guardrailIdentifier": "grworkbench1", "guardrailVersion": "1"}
    request = {
        "modelId": BEDROCK,
        "messages": say("echo: forbidden-word"),
        "guardrailConfig": config,
    }
    answer = client.converse(**request)
    assert answer["stopReason"] == "guardrail_intervened"
    assert answer["output"]["message"]["content"] == [
        {"text": "Sorry, the model cannot answer this question."}
    ]
    assert events(client, **request)[-2]["messageStop"]["stopReason"] == "guardrail_intervened"


def test_an_answer_without_a_guardrail_is_not_given_to_a_call_with_one(client):
    text = f"echo: forbidden-word {uuid.uuid4()}"
    assert "forbidden-word" in str(client.converse(modelId=BEDROCK, messages=say(text))["output"])
    config = {"guardrailIdentifier": "grworkbench1", "guardrailVersion": "1"}
    guarded = client.converse(modelId=BEDROCK, messages=say(text), guardrailConfig=config)
    assert "forbidden-word" not in str(guarded["output"])


def test_parameters_of_one_provider_are_part_of_the_caches_key(client, provider):
    text = f"Tell me something. {uuid.uuid4()}"
    for top_k in (1, 2, 2):
        client.converse(
            modelId=BEDROCK, messages=say(text), additionalModelRequestFields={"top_k": top_k}
        )
    received = provider.get("/received").json()
    assert [entry["body"]["additionalModelRequestFields"]["top_k"] for entry in received] == [1, 2]


def test_a_guardrail_that_nobody_can_apply_is_refused(client, provider):
    config = {"guardrailIdentifier": "unknown1", "guardrailVersion": "1"}
    with pytest.raises(client.exceptions.ValidationException, match="has no guardrail 'unknown1'"):
        client.converse(modelId=OPENAI, messages=say("echo: x"), guardrailConfig=config)
    assert provider.get("/received").json() == []


def test_a_configured_guardrail_masks_for_another_provider(client, provider):
    config = {"guardrailIdentifier": "grworkbench1", "guardrailVersion": "1"}
    answer = client.converse(
        modelId=OPENAI, messages=say("echo: a@example.com"), guardrailConfig=config
    )
    assert answer["output"]["message"]["content"] == [{"text": "{EMAIL}"}]
    assert "a@example.com" not in str(
        [e for e in provider.get("/received").json() if "chat" in e["path"]]
    )


def test_reasoning_comes_back_with_its_signature_and_can_be_sent_again(client):
    fields = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    request = {
        "modelId": THINKING,
        "additionalModelRequestFields": fields,
        "inferenceConfig": {"maxTokens": 2000},
    }
    first = client.converse(messages=say("What is 2 + 2?"), **request)["output"]["message"]
    assert first["content"][0]["reasoningContent"]["reasoningText"]["signature"]
    turns = [*say("What is 2 + 2?"), first, *say("echo: and on")]
    assert client.converse(messages=turns, **request)["stopReason"] == "end_turn"
    kinds = [
        next(iter(event["contentBlockDelta"]["delta"]["reasoningContent"]))
        for event in events(client, messages=say("Again?"), **request)
        if "reasoningContent" in event.get("contentBlockDelta", {}).get("delta", {})
    ]
    assert set(kinds) == {"text", "signature"}


def test_a_failing_provider_is_an_internal_error(client, provider):
    """LiteLLM turns Bedrock's own 500 into 503, so this one is OpenAI's."""
    provider.put("/faults", json=[{"match": OPENAI, "kind": "status", "status": 500}])
    with pytest.raises(client.exceptions.InternalServerException):
        client.converse(modelId=OPENAI, messages=say(f"echo: {uuid.uuid4()}"))


@BOTH
@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ({"kind": "status", "status": 429, "retry_after": 7}, "ThrottlingException"),
        ({"kind": "status", "status": 503}, "ServiceUnavailableException"),
        ({"kind": "status", "status": 400}, "ValidationException"),
    ],
)
def test_a_providers_failure_is_the_same_exception_for_both_and_asked_once(
    client, provider, model, fault, name
):
    provider.put("/faults", json=[{"match": model, **fault}])
    for call in (client.converse, client.converse_stream):
        provider.delete("/received")
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            call(modelId=model, messages=say(f"echo: {uuid.uuid4()}"))
        response = caught.value.response
        assert response["Error"]["Code"] == name
        assert "LiteLLM" not in response["Error"]["Message"]
        if "retry_after" in fault:
            assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"].startswith("7")
        assert len(provider.get("/received").json()) == 1


@BOTH
def test_a_stream_that_breaks_off_ends_with_an_exception(client, provider, model):
    # far from the first token: a break that LiteLLM sees before it has begun its answer is a plain error
    provider.put("/faults", json=[{"match": model, "kind": "cut_mid_stream", "after_tokens": 30}])
    seen = []
    answer = client.converse_stream(modelId=model, messages=say(f"Tell me a story. {uuid.uuid4()}"))
    with (
        contextlib.closing(answer["stream"]) as stream,
        pytest.raises(botocore.exceptions.EventStreamError),
    ):
        for event in stream:
            seen.append(event)
    assert any("contentBlockDelta" in event for event in seen)
    assert not any("messageStop" in event for event in seen)


def test_a_missing_and_a_wrong_key_are_403(stack):
    url = f"{stack.base_url}/bedrock/model/{OPENAI}/converse"
    for headers in ({}, {"Authorization": "Bearer sk-of-nobody"}):
        answer = httpx.post(url, json={"messages": say("x")}, headers=headers, timeout=60)
        assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (
            403,
            "AccessDeniedException",
        )


@BOTH
@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("door", ["GATEWAY_BASE_URL", "GATEWAY_TLS_URL"])
def test_a_caller_that_leaves_ends_the_providers_work_within_two_seconds(
    stack, provider, model, streamed, door
):
    provider.put("/faults", json=[{"match": model, "kind": "slow_chunks", "seconds": 0.5}])
    settings, marker = stack.environment, uuid.uuid4().hex
    action = "converse-stream" if streamed else "converse"
    body = json.dumps({"messages": say(f"Tell me a long story. {marker}")})
    headers = {"Authorization": f"Bearer {settings['GATEWAY_API_KEY']}"}
    context = httpx.create_ssl_context()
    context.load_verify_locations(settings["SSL_CERT_FILE"])

    def call() -> None:
        try:
            with (
                httpx.Client(verify=context, timeout=1.5) as http,
                http.stream(
                    "POST",
                    f"{settings[door]}/bedrock/model/{model}/{action}",
                    content=body,
                    headers=headers,
                ) as r,
            ):
                for _ in r.iter_raw():
                    return
        except httpx.ReadTimeout:
            return

    caller = threading.Thread(target=call)
    caller.start()
    caller.join()
    left = time.monotonic()
    entry = lambda: next(e for e in provider.get("/received").json() if marker in str(e["body"]))  # noqa: E731
    wait_until(lambda: entry()["disconnected"], 2.0)
    assert time.monotonic() - left < 2.0
