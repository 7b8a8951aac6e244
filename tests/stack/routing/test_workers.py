"""Several workers of LiteLLM: deployments count from when all of them serve them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway_lib.experiments import routing
from gateway_lib.experiments.routing import Deployment
from gateway_lib.experiments.routing.examples import FIRST, THIRD
from gateway_lib.local import certificates, ports, prisma
from gateway_lib.local.client import RunningStack
from gateway_lib.local.component import Component, Process
from gateway_lib.local.doors import Doors
from gateway_lib.local.litellm import LiteLLM
from gateway_lib.local.postgres import Postgres
from gateway_lib.local.redis import Redis
from gateway_lib.settings import Settings, settings_of
from tests.conftest import wait_until

pytestmark = pytest.mark.faults
WORKERS = 3


@pytest.fixture(scope="module")
def workers(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Another LiteLLM on the stack's database and Redis, with several workers, and a middleware before it."""
    secrets = stack.state.secrets()
    port = {part["name"]: part["port"] for part in stack.snapshot["components"]}
    postgres = Postgres(stack.state, port["postgres"], secrets.postgres_password)
    redis = Redis(stack.state, port["redis"], secrets.redis_password)
    litellm = LiteLLM(
        stack.state,
        ports.choose(),
        postgres,
        redis,
        stack.environment["GATEWAY_SIMULATOR_URL"],
        secrets,
        prisma.prepare(lambda line: None),
        workers=WORKERS,
    )
    doors = Doors(
        ports.choose(),
        ports.choose(),
        certificates.ensure(stack.state),
        litellm.url,
        secrets.master_key,
        postgres,
        redis,
        "workers",
        f"{stack.environment['GATEWAY_SIMULATOR_URL']}/bedrock",
        f"{stack.environment['GATEWAY_SIMULATOR_URL']}/oidc",
    )
    logs = tmp_path_factory.mktemp("workers")
    door = doors.http()
    with started(replace(litellm.component(), prepare=None), logs), started(door, logs):
        yield settings_of(
            {**stack.environment, "GATEWAY_BASE_URL": door.address, "GATEWAY_TLS_URL": ""}
        )


@contextmanager
def started(component: Component, logs: Path) -> Iterator[None]:
    """A part, from ready to ended."""
    process = Process(component, logs / f"{component.name}.log")
    try:
        wait_until(component.ready, 180)
        yield
    finally:
        process.ask_to_stop()
        process.reap(time.monotonic() + 10)


def test_every_worker_serves_before_anything_is_counted(workers, simulator, name):
    weighted = [Deployment(FIRST, 9), Deployment(THIRD, 1)]
    with routing.deployed(name, weighted, workers) as made:
        served = routing.count(name, 600, settings=workers)
    assert set(served["status"]) == {200}
    split = routing.shares(served, routing.names_of(made), {FIRST: 9, THIRD: 1})
    assert split.loc[THIRD, "p"] > 1e-4


def test_without_waiting_some_worker_would_not_know_them(workers, name):
    """What there is to wait for: connections of their own come to every worker."""
    made = routing.create(name, [Deployment(FIRST)], workers)
    try:
        known = {asks(workers, next(iter(made))) for _ in range(60)}
        waited = routing.wait_until_served(list(made), workers)
        assert {asks(workers, next(iter(made))) for _ in range(60)} == {200}
        assert known != {200} and waited > 0.1
    finally:
        routing.remove(name, workers)


def asks(settings: Settings, identifier: str) -> int:
    """The status of one question on a connection of its own."""
    answer = httpx.get(
        f"{settings.gateway()}/v1/model/info",
        params={"litellm_model_id": identifier},
        headers={"Authorization": f"Bearer {settings.admin_key()}"},
        trust_env=False,
        timeout=60,
    )
    return answer.status_code
