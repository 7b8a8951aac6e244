"""What the configuration says takes effect: on a stack of its own, with an S3 server beside it."""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import httpx
import openai
import pytest
import yaml
from moto.server import ThreadedMotoServer

from gateway_lib import config, local
from gateway_lib.local.client import RunningStack
from tests.conftest import wait_until
from tests.contract.provider import Provider

from .callers import Caller

BUCKET = "call-logs"
NOVA, MINI, EMBEDDING = "amazon.nova-lite-v1:0", "gpt-4o-mini", "text-embedding-3-small"
DEAR = "dear"
"""A model of 0.01 dollars a token: a call or two cost a dollar."""
USERS_BUDGET, ALL_BUDGET = 1.5, 12.0


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A client of a real S3 server on loopback, with an empty bucket."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        "us-east-1",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()
    server.stop()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, s3: Any) -> dict[str, Any]:
    """A user's configuration: what AWS adds to the default one, at the local S3, and some models."""
    aws = config.read(config.CONFIG_DIR / "aws.yaml")["litellm_settings"]
    logged = {
        **aws["s3_callback_params"],
        "s3_bucket_name": BUCKET,
        "s3_region_name": "us-east-1",
        "s3_endpoint_url": s3.meta.endpoint_url,
        "s3_aws_access_key_id": "testing",
        "s3_aws_secret_access_key": "testing",
        "s3_flush_interval": 1,
    }
    return {
        "extends": str(config.CONFIG_DIR / "default-config.yaml"),
        "model_list": [
            {
                "model_name": "cool-nova",
                "litellm_params": {
                    "model": f"bedrock/{NOVA}",
                    "temperature": 0.125,
                    "aws_region_name": "us-west-2",
                },
            },
            {
                "model_name": DEAR,
                "litellm_params": {
                    "model": "openai/gpt-4o-mini",
                    "api_key": "os.environ/OPENAI_API_KEY",
                    "input_cost_per_token": 0.01,
                    "output_cost_per_token": 0.01,
                },
            },
        ],
        "litellm_settings": {
            "max_budget": ALL_BUDGET,
            "max_internal_user_budget": USERS_BUDGET,
            **{key: value for key, value in aws.items() if key != "cache_params"},
            "s3_callback_params": logged,
        },
    }


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, own: dict[str, Any]) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("configured")
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(own))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEWAY_CONFIG", str(path))
        running = local.start_detached(local.State(folder / "state"), owned=True)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def user(stack: RunningStack, master: Caller) -> Iterator[Callable[..., Caller]]:
    """Makes a user with a key."""
    with contextlib.ExitStack() as made:

        def make(**more: Any) -> Caller:
            body = {"user_id": f"u-{uuid.uuid4().hex}", "user_role": "internal_user", **more}
            answer = master.http.post("/user/new", json=body)
            assert answer.status_code == 200, answer.text
            caller = Caller(stack.environment, answer.json()["key"])
            return made.enter_context(contextlib.closing(caller))

        yield make


@dataclass(frozen=True)
class Way:
    """A way to ask the gateway the same thing again."""

    path: str
    body: Callable[[str], dict[str, Any]]

    def ask(self, caller: Caller, marker: str, **more: Any) -> httpx.Response:
        answer = caller.http.post(self.path, json={**self.body(marker), **more})
        assert answer.status_code == 200, answer.text
        return answer


WAYS = {
    "chat": Way(
        "/v1/chat/completions",
        lambda marker: {"model": MINI, "messages": [{"role": "user", "content": marker}]},
    ),
    "chat of Bedrock": Way(
        "/v1/chat/completions",
        lambda marker: {"model": NOVA, "messages": [{"role": "user", "content": marker}]},
    ),
    "chat streamed": Way(
        "/v1/chat/completions",
        lambda marker: {
            "model": MINI,
            "messages": [{"role": "user", "content": marker}],
            "stream": True,
        },
    ),
    "converse": Way(
        f"/bedrock/model/{MINI}/converse",
        lambda marker: {"messages": [{"role": "user", "content": [{"text": marker}]}]},
    ),
    "embeddings": Way("/v1/embeddings", lambda marker: {"model": EMBEDDING, "input": marker}),
    "messages": Way(
        "/v1/messages",
        lambda marker: {
            "model": MINI,
            "max_tokens": 60,
            "messages": [{"role": "user", "content": marker}],
        },
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_cached_answer_is_the_users_own(hasty: Provider, user, marker, way):
    first, second = user(), user()
    way.ask(first, marker)

    def is_cached() -> bool:
        before = len(hasty.received(marker))
        way.ask(first, marker)
        return len(hasty.received(marker)) == before

    wait_until(is_cached)
    asked = len(hasty.received(marker))
    way.ask(second, marker)
    assert len(hasty.received(marker)) == asked + 1, "another user's answer came from the cache"


def test_a_user_has_one_cache_for_all_keys(hasty: Provider, stack, user, master, marker):
    first = user()
    who = first.http.get("/user/info").json()["user_id"]
    key = master.http.post("/key/generate", json={"user_id": who}).json()["key"]
    ways = WAYS["chat"]
    given = ways.ask(first, marker).json()["id"]
    with contextlib.closing(Caller(stack.environment, key)) as again:
        wait_until(lambda: ways.ask(again, marker).json()["id"] == given)


def test_nobody_reads_anothers_entry_even_by_its_name(hasty: Provider, user, marker):
    """The cache's key is told to the one whose answer it is; in other hands it opens nothing."""
    victim, thief = user(), user()
    way = WAYS["chat"]
    given = way.ask(victim, marker).json()["id"]
    told = ""

    def is_told() -> bool:
        nonlocal told
        answer = way.ask(victim, marker)
        told = answer.headers.get("x-litellm-cache-key", "")
        return answer.json()["id"] == given and bool(told)

    wait_until(is_told)
    namespace, _, digest = told.rpartition(":")
    assert re.fullmatch(r"user-[0-9a-f]{32}", namespace) and len(digest) == 64
    for chosen in (
        {"cache": {"namespace": namespace}},
        {"cache_key": told},
        {"preset_cache_key": told},
        {"metadata": {"redis_namespace": namespace}},
        {"litellm_metadata": {"redis_namespace": namespace}},
        {"litellm_params": {"preset_cache_key": told}},
    ):
        body = {**way.body(marker), **chosen}
        answer = thief.http.post(way.path, json=body)
        assert answer.status_code < 500, (chosen, answer.text)
        assert answer.json().get("id") != given, f"{chosen} opened another user's entry"


def test_a_key_may_still_be_kept_from_the_caches_controls(hasty: Provider, user, master, marker):
    who = user().http.get("/user/info").json()["user_id"]
    answer = master.http.post(
        "/key/generate", json={"user_id": who, "allowed_cache_controls": ["no-cache"]}
    )
    held = {"Authorization": f"Bearer {answer.json()['key']}"}
    body = WAYS["chat"].body(marker)
    post = master.http.post
    allowed = {**body, "cache": {"no-cache": True}}
    assert post("/v1/chat/completions", json=body, headers=held).status_code == 200
    assert post("/v1/chat/completions", json=allowed, headers=held).status_code == 200


def test_a_models_default_temperature_and_region_arrive(hasty: Provider, user, marker):
    caller = user()
    caller.say(marker, "cool-nova")
    received = hasty.only(marker)
    assert received.body["inferenceConfig"]["temperature"] == 0.125
    assert received.headers["authorization"].endswith(" for us-west-2/bedrock")


def test_a_caller_may_set_the_temperature_and_other_models_have_neither(
    hasty: Provider, user, marker
):
    caller = user()
    caller.say(marker, "cool-nova", temperature=0.75)
    assert hasty.only(marker).body["inferenceConfig"]["temperature"] == 0.75
    caller.say(f"other {marker}", NOVA)
    received = hasty.only(f"other {marker}")
    assert "temperature" not in received.body.get("inferenceConfig", {})
    assert received.headers["authorization"].endswith(" for us-east-1/bedrock")


def test_every_call_leaves_a_file_in_s3_that_says_what_it_cost_and_what_was_said(
    hasty: Provider, user, s3, marker
):
    caller = user()
    answer = caller.say(marker)
    hasty.fail(MINI, "status", status=500, message=f"broken {marker}")
    with pytest.raises(openai.APIStatusError):
        caller.say(f"fails {marker}")
    hasty.heal()
    mine = caller.http.get("/user/info").json()["user_id"]
    found: dict[str, dict[str, Any]] = {}

    def both_are_there() -> bool:
        for text in objects(s3):
            record = json.loads(text)
            if record["metadata"].get("user_api_key_user_id") == mine:
                found[record["status"]] = record
        return found.keys() == {"success", "failure"}

    wait_until(both_are_there)
    success, failure = found["success"], found["failure"]
    usage = answer.usage
    assert (success["prompt_tokens"], success["completion_tokens"]) == (
        usage.prompt_tokens,
        usage.completion_tokens,
    )
    assert success["response_cost"] > 0 and success["model_group"] == MINI
    assert failure["model_group"] == MINI and failure["error_information"]["error_code"] == "500"
    assert marker in json.dumps(success["messages"])
    assert answer.choices[0].message.content in json.dumps(success["response"])
    assert marker in json.dumps(failure["messages"])


def objects(s3: Any) -> Iterator[str]:
    listed = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="litellm/")
    for page in listed:
        for entry in page.get("Contents", []):
            yield s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read().decode()


def spend_until_refused(caller: Caller, calls: int) -> tuple[int, openai.APIStatusError]:
    """How many calls of the dear model went through, and what refused the next."""
    for number in range(calls):
        try:
            caller.say(f"spend {uuid.uuid4().hex}", DEAR, max_tokens=60)
        except openai.APIStatusError as error:
            return number, error
    pytest.fail(f"{calls} calls went through")


def test_a_user_made_without_a_budget_has_the_default_one(hasty: Provider, user, master):
    caller = user()
    told = caller.http.get("/user/info").json()["user_info"]
    assert (told["max_budget"], told["budget_duration"]) == (USERS_BUDGET, "1mo")
    passed, error = spend_until_refused(caller, 12)
    assert passed >= 1 and 400 <= error.status_code < 500
    assert re.search(rf"[Bb]udget[=:] ?{USERS_BUDGET}", str(error)), error
    assert caller.http.get("/user/info").json()["user_info"]["spend"] < 2 * USERS_BUDGET
    other = user(max_budget=50.0)
    told = other.http.get("/user/info").json()["user_info"]
    assert told["max_budget"] == 50.0
    other.say("one more", DEAR, max_tokens=20)


def test_the_proxy_wide_budget_holds_for_everybody(hasty: Provider, user, master):
    """The last of this module: afterwards nobody can call a model, the master key included."""
    rich = user(max_budget=1000.0)
    passed, error = spend_until_refused(rich, 60)
    assert passed >= 1 and re.search(rf"[Bb]udget[=:] ?{ALL_BUDGET}", str(error)), error
    bystander = user(max_budget=1000.0)
    for caller in (bystander, master):
        with pytest.raises(openai.APIStatusError, match=rf"[Bb]udget[=:] ?{ALL_BUDGET}"):
            caller.say("hello")
    assert master.http.get("/user/list").status_code == 200, "nobody could raise the budget"
