"""boto3 as it comes: a key in the environment over https, a hook over http, and signed by mistake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from tests.contract.messages import body as messages_body
from tests.contract.messages import user as messages_user
from tests.contract.models import HAIKU_3, HAIKU_4_5, NOBODY, OPENAI, REASONS
from tests.contract.turns import WEATHER, png, text, tool_result, tools, user

OURS = (
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_CA_BUNDLE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)
HELLO = {"messages": [user("Hello")]}


@contextmanager
def _client(**options) -> Iterator:
    client = boto3.Session().client("bedrock-runtime", **options)
    try:
        yield client
    finally:
        client.close()


@pytest.fixture(scope="module", autouse=True)
def settings(variables, tmp_path_factory):
    """What ``gateway env`` says, and nothing that this machine's user has configured for AWS."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "AWS_PROFILE",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ):
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in OURS:
            patch.setenv(name, variables[name])
        yield


@pytest.fixture(scope="module")
def bearer(settings):
    """With nothing but environment variables."""
    with _client() as client:
        yield client


@pytest.fixture(scope="module")
def hooked(settings, variables):
    """Unsigned, with a header added to each request: the way over plain http."""
    config = Config(signature_version=UNSIGNED, retries={"max_attempts": 10, "mode": "standard"})
    endpoint = f"{variables['GATEWAY_BASE_URL']}/bedrock"

    def add_authorization_header(request, **_):
        request.headers["Authorization"] = f"Bearer {variables['GATEWAY_API_KEY']}"

    with _client(endpoint_url=endpoint, config=config) as client:
        client.meta.events.register("request-created.*", add_authorization_header)
        yield client


@pytest.fixture(params=["bearer", "hooked"])
def client(request, hasty):
    return request.getfixturevalue(request.param)


def test_converse(client, model, marker):
    answer = client.converse(
        modelId=model, messages=[user(f"echo: {marker}")], system=[text("Be brief.")]
    )
    assert answer["output"]["message"] == {"role": "assistant", "content": [{"text": marker}]}
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"]["totalTokens"] > 5
    assert answer["ResponseMetadata"]["RequestId"]
    assert answer["ResponseMetadata"]["RetryAttempts"] == 0


def test_converse_stream(client, model, marker):
    words = f"{marker} one two three"
    answer = client.converse_stream(modelId=model, messages=[user(f"echo: {words}")])
    events = list(answer["stream"])
    deltas = [e["contentBlockDelta"]["delta"] for e in events if "contentBlockDelta" in e]
    assert "".join(delta["text"] for delta in deltas) == words
    assert [next(iter(event)) for event in events[-2:]] == ["messageStop", "metadata"]
    assert events[-1]["metadata"]["usage"]["outputTokens"] >= 4


def test_images_and_tools(bearer, provider, model, marker):
    """Bytes go in as bytes; the call's input comes out as Python's own types."""
    shot = png(33)
    picture = {"image": {"format": "png", "source": {"bytes": shot}}}
    turns = [user(f'{marker}\ncall: get_weather {{"city": "Bern", "days": 2}}', picture)]
    config = tools(WEATHER)
    first = bearer.converse(modelId=model, messages=turns, toolConfig=config)
    assert first["stopReason"] == "tool_use"
    (use,) = [b["toolUse"] for b in first["output"]["message"]["content"] if "toolUse" in b]
    assert use["input"] == {"city": "Bern", "days": 2}
    result = tool_result(use["toolUseId"], {"json": {"degrees": 17}})
    turns += [first["output"]["message"], user(result)]
    second = bearer.converse(modelId=model, messages=turns, toolConfig=config)
    assert "17" in second["output"]["message"]["content"][0]["text"]
    assert provider.received(marker)[0].holds(shot)


def test_reasoning_there_and_back(bearer, provider, marker):
    fields = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    more = {"additionalModelRequestFields": fields, "inferenceConfig": {"maxTokens": 3000}}
    turns = [user(f"echo: {marker}")]
    first = bearer.converse(modelId=REASONS, messages=turns, **more)["output"]["message"]
    thought = first["content"][0]["reasoningContent"]["reasoningText"]
    again = [*turns, first, user(f"echo: again {marker}")]
    bearer.converse(modelId=REASONS, messages=again, **more)
    assert thought["signature"] in provider.received(marker)[-1].text


@pytest.mark.parametrize("model", [HAIKU_3, HAIKU_4_5])
@pytest.mark.parametrize(
    "form",
    ["arn:aws:bedrock:us-east-1::foundation-model/{}", "arn:aws:bedrock:eu-west-1:123456789012:{}"],
)
def test_an_arn_as_model_id(bearer, hasty, marker, model, form):
    """Slashes and colons of the id arrive percent-encoded."""
    name = f"inference-profile/{model}" if "123" in form else model
    answer = bearer.converse(modelId=form.format(name), messages=[user(f"echo: {marker}")])
    assert answer["output"]["message"]["content"] == [{"text": marker}]


def test_invoke_model(bearer, hasty, model, marker):
    request = json.dumps(messages_body(messages_user(f"echo: {marker}")))
    answer = bearer.invoke_model(modelId=model, body=request)
    assert answer["contentType"] == "application/json"
    assert json.loads(answer["body"].read())["content"][-1]["text"] == marker
    stream = bearer.invoke_model_with_response_stream(modelId=model, body=request)["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]
    assert events[0]["type"] == "message_start"
    assert events[-1]["type"] == "message_stop"


def test_count_tokens_and_apply_guardrail(bearer, model):
    counted = bearer.count_tokens(modelId=model, input={"converse": HELLO})
    assert counted["inputTokens"] > 0
    block = {"text": {"text": "a moonshine recipe"}}
    applied = bearer.apply_guardrail(
        guardrailIdentifier="grworkbench1", guardrailVersion="1", source="INPUT", content=[block]
    )
    assert applied["action"] == "GUARDRAIL_INTERVENED"


def test_errors_are_the_clients_own_exceptions(client, model):
    for request in ({"modelId": model, "messages": [user("")]}, {"modelId": NOBODY, **HELLO}):
        for call in (client.converse, client.converse_stream):
            with pytest.raises(client.exceptions.ValidationException) as refused:
                call(**request)
            metadata = refused.value.response["ResponseMetadata"]
            assert metadata["HTTPStatusCode"] == 400
            assert metadata["RequestId"]


def test_throttling_is_retried_by_the_client_alone(provider, model, marker):
    """Two attempts, once each at the provider, and then it works."""
    provider.fail(model, "status", status=429, retry_after=0, count=1)
    with _client(config=Config(retries={"mode": "standard", "total_max_attempts": 3})) as client:
        answer = client.converse(modelId=model, messages=[user(f"echo: {marker}")])
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    assert [entry.outcome for entry in provider.received(marker)] == ["refused", "done"]


def test_a_broken_stream_is_an_error(bearer, provider, model, marker):
    provider.fail(model, "slow_chunks", seconds=0.02)
    provider.fail(model, "cut_mid_stream", after_tokens=5)
    words = f"echo: {marker} {'more words ' * 20}"
    answer = bearer.converse_stream(modelId=model, messages=[user(words)])
    with closing(answer["stream"]) as stream, pytest.raises(EventStreamError) as broken:
        list(stream)
    code = broken.value.response["Error"]["Code"]
    assert code in ("modelStreamErrorException", "internalServerException")


def test_a_wrong_key(monkeypatch):
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "sk-nobody")
    with _client() as client, pytest.raises(client.exceptions.AccessDeniedException) as refused:
        client.converse(modelId=OPENAI, **HELLO)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_signed_by_mistake(monkeypatch):
    """Credentials instead of a key: refused, and told what to do."""
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    with _client() as client, pytest.raises(ClientError) as refused:
        client.converse(modelId=OPENAI, **HELLO)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert "AWS_BEARER_TOKEN_BEDROCK" in refused.value.response["Error"]["Message"]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
