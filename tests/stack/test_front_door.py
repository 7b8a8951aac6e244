"""The whole chain with the OpenAI SDK: front door, LiteLLM with its database, provider code, simulator."""

from __future__ import annotations

import itertools
import threading
import time
import uuid

import httpx
import openai
import pytest

import middleware
from gateway_lib import config
from tests.conftest import wait_until

MODEL, BEDROCK_MODEL = "gpt-4o-mini", "anthropic.claude-3-haiku-20240307-v1:0"


def client(stack, key=None, **options):
    settings = stack.environment
    return openai.OpenAI(
        base_url=settings["OPENAI_BASE_URL"],
        api_key=key or settings["OPENAI_API_KEY"],
        max_retries=0,
        **options,
    )


@pytest.fixture
def admin(stack):
    headers = {"Authorization": f"Bearer {stack.environment['GATEWAY_MASTER_KEY']}"}
    with httpx.Client(base_url=stack.base_url, headers=headers, timeout=30) as session:
        yield session


@pytest.fixture
def user(admin):
    """A new user with a budget, and its key."""
    answer = admin.post(
        "/user/new",
        json={
            "user_email": f"{uuid.uuid4().hex}@example.com",
            "user_role": "internal_user",
            "max_budget": 5.0,
            "model_rpm_limit": {MODEL: 5},
        },
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def say(api, text, model=MODEL, **options):
    return api.chat.completions.create(
        model=model, messages=[{"role": "user", "content": text}], **options
    )


@pytest.mark.parametrize("model", [MODEL, BEDROCK_MODEL])
def test_a_users_key_works_on_both_providers(stack, user, model):
    reply = say(client(stack, user["key"]), "echo: hello there", model)
    assert reply.choices[0].message.content == "hello there"
    assert reply.usage.prompt_tokens > 0 and reply.usage.completion_tokens > 0


def test_a_per_model_limit_of_five_lets_exactly_five_through(stack, user):
    api, outcomes = client(stack, user["key"]), []
    # the limit counts calendar minutes; a window that turns over in the middle would let more through
    while time.time() % 60 > 45:
        time.sleep(0.5)
    for number in range(8):
        try:
            say(api, f"echo: {number}")
            outcomes.append(200)
        except openai.RateLimitError as error:
            outcomes.append(error.status_code)
    assert outcomes == [200] * 5 + [429] * 3


def test_spend_appears_on_the_user_and_is_the_price_times_the_tokens(stack, admin, user):
    answer = client(stack, user["key"]).chat.completions.with_raw_response.create(
        model=BEDROCK_MODEL,
        messages=[{"role": "user", "content": f"Say something. {uuid.uuid4()}"}],
    )
    usage = answer.parse().usage
    cost = float(answer.headers["x-litellm-response-cost"])
    assert cost == pytest.approx(usage.prompt_tokens * 0.25e-6 + usage.completion_tokens * 1.25e-6)

    def booked() -> float:
        return admin.get("/user/info", params={"user_id": user["user_id"]}).json()["user_info"][
            "spend"
        ]

    wait_until(lambda: booked() > 0, 30)
    assert booked() == pytest.approx(cost)


def test_a_bad_key_gets_401_in_openais_shape(stack):
    with pytest.raises(openai.AuthenticationError) as caught:
        say(client(stack, "sk-not-a-key-of-this-gateway"), "echo: hello")
    assert caught.value.status_code == 401 and caught.value.body["message"]


def test_a_stream_arrives_token_by_token_before_the_provider_has_finished(stack):
    in_flight = []

    def watch():
        state = httpx.get(
            f"{stack.environment['GATEWAY_SIMULATOR_URL']}/control/state", timeout=60
        ).json()
        in_flight.append(state)

    arrivals, text = [], ""
    stream = say(
        client(stack),
        f"Tell me a story, please. {uuid.uuid4()}",
        stream=True,
        stream_options={"include_usage": True},
    )
    watcher = threading.Thread(target=watch)
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            arrivals.append(time.perf_counter())
            text += chunk.choices[0].delta.content
            if len(arrivals) == 1:
                watcher.start()
        usage = chunk.usage
    watcher.join()
    assert usage.completion_tokens == len(arrivals) > 10
    gaps = [later - earlier for earlier, later in itertools.pairwise(arrivals)]
    assert sum(gap > 0.001 for gap in gaps) > len(gaps) / 2, "the chunks arrived in lumps"
    assert in_flight[0]["in_flight"].get(MODEL) == 1, (
        "the provider had finished before the first token arrived"
    )


def test_the_last_chunk_of_a_stream_carries_the_cost(stack):
    stream = say(
        client(stack),
        "echo: cost",
        BEDROCK_MODEL,
        stream=True,
        stream_options={"include_usage": True},
    )
    usage = [chunk.usage for chunk in stream if chunk.usage][-1]
    expected = usage.prompt_tokens * 0.25e-6 + usage.completion_tokens * 1.25e-6
    assert usage.model_extra["cost"] == pytest.approx(expected)


def test_a_caller_that_leaves_ends_the_providers_work(stack):
    simulator = stack.environment["GATEWAY_SIMULATOR_URL"]
    marker = uuid.uuid4().hex
    stream = say(client(stack), f"Tell me a long story. {marker}", stream=True)
    next(iter(stream))
    stream.close()

    def noticed() -> bool:
        received = httpx.get(
            f"{simulator}/control/received", params={"limit": 20}, timeout=60
        ).json()
        entries = received["received"] if isinstance(received, dict) else received
        return any(marker in str(entry["body"]) and entry["disconnected"] for entry in entries)

    wait_until(noticed, 2.0)


def test_embeddings_pass_through(stack):
    reply = client(stack).embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    assert len(reply.data) == 2 and len(reply.data[0].embedding) > 100


def test_the_admin_ui_is_behind_the_front_door(stack):
    page = httpx.get(f"{stack.base_url}/ui/", follow_redirects=True, timeout=60)
    assert page.status_code == 200 and "<html" in page.text
    assert str(page.url).startswith(stack.base_url)


def test_readiness_names_every_part_and_what_is_configured(stack):
    found = httpx.get(f"{stack.base_url}/readyz", timeout=60)
    assert found.status_code == 200
    told = found.json()
    assert told.pop("config_hash") == config.digest(config.load_local())
    assert told.pop("middleware_version") == middleware.__version__
    assert set(told.values()) == {"ready", "connected"}
