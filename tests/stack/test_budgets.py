"""Budgets per model on the whole chain: as the seed gives them, and a cap that holds on both interfaces."""

from __future__ import annotations

import uuid

import boto3
import httpx
import openai
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import wait_until

SONNET, HAIKU = (
    "anthropic.claude-3-5-sonnet-20240620-v1:0",
    "anthropic.claude-3-haiku-20240307-v1:0",
)
MINI = "gpt-4o-mini"


@pytest.fixture
def admin(stack):
    headers = {"Authorization": f"Bearer {stack.environment['GATEWAY_MASTER_KEY']}"}
    with httpx.Client(base_url=stack.base_url, headers=headers, timeout=60) as session:
        yield session


def new_user(admin, budgets, **more):
    body = {"user_email": f"{uuid.uuid4().hex}@example.com", "user_role": "internal_user"}
    answer = admin.post("/user/new", json={**body, "model_max_budget": budgets, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def budgets_of(admin, user):
    told = admin.get("/user/info", params={"user_id": user["user_id"]}).json()["user_info"]
    return told["model_max_budget"], told["spend"]


def chat(stack, key):
    return openai.OpenAI(base_url=stack.environment["OPENAI_BASE_URL"], api_key=key, max_retries=0)


def bedrock(stack, key, monkeypatch):
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", key)
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=stack.environment["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"],
        verify=stack.environment["AWS_CA_BUNDLE"],
        config=Config(retries={"total_max_attempts": 1}),
    )


def say(text):
    return [{"role": "user", "content": f"{text} {uuid.uuid4().hex}"}]


def converse_say(text):
    return [{"role": "user", "content": [{"text": f"{text} {uuid.uuid4().hex}"}]}]


def test_the_seeds_example(stack, admin):
    user = new_user(
        admin,
        {SONNET: 100, HAIKU: 10},
        model_rpm_limit={SONNET: 1, HAIKU: 1},
        model_tpm_limit={SONNET: 10000, HAIKU: 20000},
    )
    budgets, _ = budgets_of(admin, user)
    assert {name: each["budget_limit"] for name, each in budgets.items()} == {
        SONNET: 100,
        HAIKU: 10,
    }
    assert {each["time_period"] for each in budgets.values()} == {"28d"}
    assert user["model_max_budget"] == budgets
    answer = chat(stack, user["key"]).chat.completions.create(model=HAIKU, messages=say("hello"))
    assert answer.usage.completion_tokens
    budgets, _ = budgets_of(admin, user)
    assert 0 < budgets[HAIKU]["spent"] < 0.001 and budgets[HAIKU]["reserved"] == 0
    with pytest.raises(
        openai.RateLimitError
    ):  # LiteLLM's own limit of a call a minute, beside ours
        chat(stack, user["key"]).chat.completions.create(model=HAIKU, messages=say("hello"))


@pytest.mark.parametrize("stream", [False, True])
def test_a_budget_stops_at_its_cap_with_the_openai_sdk(stack, admin, stream):
    cap = 0.0006
    user = new_user(admin, {MINI: {"budget_limit": cap, "time_period": "30d"}})
    api, answered = chat(stack, user["key"]), 0
    with pytest.raises(openai.RateLimitError) as refused:
        for _ in range(60):
            reply = api.chat.completions.create(
                model=MINI, messages=say("hello"), max_tokens=60, stream=stream,
                extra_body={"enable_history": answered % 2 == 0},
            )  # fmt: skip
            if stream:
                assert list(reply)[-1].usage is None
            answered += 1
    assert answered > 5 and refused.value.code == "budget_exceeded"
    assert "reset at" in refused.value.message
    budgets, _ = budgets_of(admin, user)
    assert cap / 2 < budgets[MINI]["spent"] <= cap and budgets[MINI]["reserved"] == 0
    # to the cent what LiteLLM itself has booked for this user
    wait_until(
        lambda: budgets_of(admin, user)[1] == pytest.approx(budgets[MINI]["spent"], abs=1e-8)
    )
    chat(stack, user["key"]).chat.completions.create(model="gpt-4o", messages=say("hello"))


def test_a_budget_stops_at_its_cap_with_boto3(stack, admin, monkeypatch):
    cap = 0.0012
    user = new_user(admin, {HAIKU: cap})
    client, answered = bedrock(stack, user["key"], monkeypatch), 0
    inference = {"maxTokens": 60}
    with pytest.raises(ClientError) as refused:
        for _ in range(60):
            call = {
                "modelId": HAIKU,
                "messages": converse_say("hello"),
                "inferenceConfig": inference,
            }
            if answered % 2:
                list(client.converse_stream(**call)["stream"])
            else:
                client.converse(**call)
            answered += 1
    assert answered > 5 and refused.value.response["Error"]["Code"] == "ThrottlingException"
    budgets, _ = budgets_of(admin, user)
    assert cap / 2 < budgets[HAIKU]["spent"] <= cap and budgets[HAIKU]["reserved"] == 0
    arn = f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}"
    with pytest.raises(ClientError, match="ThrottlingException"):
        for _ in range(5):  # a call that is a few bytes shorter may still fit
            client.converse(modelId=arn, messages=converse_say("hello"), inferenceConfig=inference)
    with pytest.raises(openai.RateLimitError):
        chat(stack, user["key"]).chat.completions.create(
            model=HAIKU, messages=say("x"), max_tokens=200
        )


def test_a_stream_that_is_cut_is_settled_by_litellms_log(stack, admin):
    user = new_user(admin, {"gpt-4o": 1})
    with chat(stack, user["key"]).chat.completions.create(
        model="gpt-4o", messages=say("hello"), stream=True
    ) as stream:
        next(iter(stream))
    wait_until(lambda: budgets_of(admin, user)[0]["gpt-4o"]["reserved"] == 0, seconds=40)
    spent = budgets_of(admin, user)[0]["gpt-4o"]["spent"]
    assert spent > 0
    # the user's sum is written by LiteLLM with its next batch, after the log that settled the call
    wait_until(lambda: budgets_of(admin, user)[1] == pytest.approx(spent, abs=1e-8))


def test_a_key_has_budgets_of_its_own_and_its_owner_cannot_raise_them(stack, admin):
    user = new_user(admin, {})
    made = admin.post(
        "/key/generate", json={"user_id": user["user_id"], "model_max_budget": {MINI: 0.000001}}
    )
    key = made.json()["key"]
    with pytest.raises(openai.RateLimitError, match="The key's budget"):
        chat(stack, key).chat.completions.create(model=MINI, messages=say("x"), max_tokens=20)
    own = httpx.Client(
        base_url=stack.base_url, headers={"Authorization": f"Bearer {key}"}, timeout=60
    )
    with own:
        raised = own.post("/key/update", json={"key": key, "model_max_budget": {MINI: 100}})
        assert raised.status_code == 403, raised.text
        told = own.get("/key/info", params={"key": key}).json()["info"]["model_max_budget"]
        assert told[MINI]["budget_limit"] == 0.000001
    admin.post("/key/update", json={"key": key, "model_max_budget": {MINI: 1}}).raise_for_status()
    wait_until(lambda: budget_allows(stack, key))


def budget_allows(stack, key) -> bool:
    try:
        chat(stack, key).chat.completions.create(model=MINI, messages=say("x"), max_tokens=20)
    except openai.RateLimitError:
        return False
    return True
