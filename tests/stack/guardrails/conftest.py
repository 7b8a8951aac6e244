"""Guarded models, and a second front door that fails open."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from gateway_lib.local import ports
from gateway_lib.local.component import Component, Process
from gateway_lib.local.doors import DATABASE
from gateway_lib.local.http import answers
from gateway_lib.local.postgres import Postgres
from tests.conftest import wait_until
from tests.stack.callers import Caller

NAME = "grworkbench1"
FORBIDDEN = "forbidden-word"
DENIED = "Sorry, the model cannot answer this question."
NOVA = "amazon.nova-lite-v1:0"


@pytest.fixture
def failing(provider) -> Callable[..., None]:
    """Makes the service of the guardrails fail, until the test is over."""

    def fail(kind: str, **more: Any) -> None:
        provider.fail(NAME, kind, **more)

    return fail


@pytest.fixture(scope="module")
def open_caller(stack, tmp_path_factory, caller: Caller) -> Iterator[Caller]:
    """The same caller at another front door of the same gateway, which fails open."""
    parts = {part["name"]: part for part in stack.snapshot["components"]}
    database = Postgres(
        stack.state, parts["postgres"]["port"], stack.state.secrets().postgres_password
    )
    port = ports.choose()
    url = f"http://127.0.0.1:{port}"
    component = Component(
        name="open",
        command=[sys.executable, "-m", "middleware"],
        ready=lambda: answers(f"{url}/readyz"),
        port=port,
        environment={
            "MIDDLEWARE_PORT": str(port),
            "MIDDLEWARE_LITELLM_URL": parts["litellm"]["address"],
            "MIDDLEWARE_LITELLM_KEY": stack.environment["GATEWAY_MASTER_KEY"],
            "MIDDLEWARE_DATABASE_URL": database.url(DATABASE),
            "MIDDLEWARE_GUARDRAILS_FAIL_OPEN": "true",
            "MIDDLEWARE_GUARDRAIL_SECONDS": "1",
        },
    )
    process = Process(component, tmp_path_factory.mktemp("open") / "log")
    try:
        wait_until(component.ready)
        with closing(Caller({**stack.environment, "GATEWAY_BASE_URL": url}, caller.key)) as one:
            yield one
    finally:
        process.ask_to_stop()
        process.reap(time.monotonic() + 10)


@pytest.fixture(scope="module")
def model(stack, master: Caller) -> Iterator[Callable[..., str]]:
    """Makes a model of Nova's for as long as the module runs; options are its deployment's."""
    made = []

    def make(name: str, **options: Any) -> str:
        params = {
            "model": f"bedrock/{NOVA}",
            "aws_bedrock_runtime_endpoint": f"{stack.environment['GATEWAY_SIMULATOR_URL']}/bedrock",
            "aws_access_key_id": "simulated",
            "aws_secret_access_key": "simulated",
            "aws_region_name": "us-east-1",
            **options,
        }
        body = {"model_name": name, "litellm_params": params}
        answer = master.http.post("/model/new", json=body)
        assert answer.status_code == 200, answer.text
        made.append(answer.json()["model_id"])
        return name

    yield make
    for each in made:
        master.http.post("/model/delete", json={"id": each})
