"""Replicas of the service as processes, before an upstream that counts, on real PostgreSQL and Redis."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from gateway_lib.local import State, ports
from gateway_lib.local.component import Component, Process
from gateway_lib.local.http import answers
from gateway_lib.local.postgres import Postgres
from gateway_lib.local.redis import Redis
from tests.conftest import wait_until

from .litellm import MASTER, MODEL

LOG_SECONDS, SILENCE_SECONDS = 2.0, 2.0


@dataclass
class World:
    """Everything that runs. `replicas` are the services' URLs."""

    state: State
    postgres_url: str
    redis: Redis
    upstream: str
    processes: dict[str, Process] = field(default_factory=dict)
    clients: list[httpx.AsyncClient] = field(default_factory=list)
    opened: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def http(self) -> httpx.AsyncClient:
        return self.clients[0]

    def start_redis(self) -> None:
        self.processes["redis"] = _started(self.redis.component(), self.state.logs / "redis.log")
        wait_until(self.redis.is_ready)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill_group()
        process.reap(time.monotonic())

    def start_replica(self, name: str, **settings: str) -> httpx.AsyncClient:
        port = ports.choose()
        url = f"http://127.0.0.1:{port}"
        environment = {
            "MIDDLEWARE_PORT": str(port),
            "MIDDLEWARE_LITELLM_URL": self.upstream,
            "MIDDLEWARE_LITELLM_KEY": MASTER,
            "MIDDLEWARE_DATABASE_URL": self.postgres_url,
            "MIDDLEWARE_REDIS_URL": self.redis.url(),
            "MIDDLEWARE_HISTORY": "opt_in",
            "MIDDLEWARE_BUDGET_LOG_SECONDS": str(LOG_SECONDS),
            "MIDDLEWARE_BUDGET_SILENCE_SECONDS": str(SILENCE_SECONDS),
            "MIDDLEWARE_LOG_LEVEL": "warning",
            **{f"MIDDLEWARE_{name.upper()}": value for name, value in settings.items()},
        }
        component = Component(
            name=name,
            command=[sys.executable, "-m", "middleware"],
            ready=lambda: answers(f"{url}/readyz"),
            port=port,
            environment=environment,
        )
        self.processes[name] = _started(component, self.state.logs / f"{name}.log")
        wait_until(component.ready)
        limits = httpx.Limits(max_connections=200)
        client = httpx.AsyncClient(base_url=url, timeout=60, trust_env=False, limits=limits)
        self.clients.append(client)
        self.opened.append(client)
        return client

    async def close(self) -> None:
        for client in self.opened:
            await client.aclose()

    async def fresh(self) -> None:
        """Forget what earlier tests have spent."""
        await self.control(reset=True, booking=True)
        await self.settled()
        await self.rows("DELETE FROM budget_bookings")
        await self.rows("DELETE FROM sessions")
        if "redis" not in self.processes:
            self.start_redis()

    async def user(self, **budgets: Any) -> str:
        """A new user's key."""
        return (await self.new_user(**budgets))["key"]

    async def new_user(self, **budgets: Any) -> dict[str, Any]:
        body = {"user_role": "internal_user", "model_max_budget": budgets["budgets"]}
        answer = await self.http.post("/user/new", json=body, headers=bearer(MASTER))
        assert answer.status_code == 200, answer.text
        # until every replica has heard of it
        await asyncio.sleep(1.5 if len(self.clients) > 1 else 0)
        return answer.json()

    async def chat(self, key: str, text: str = "say 1", client: Any = None, **fields: Any):
        message = {"role": "user", "content": text}
        body = {"model": MODEL, "max_tokens": 10, "messages": [message], **fields}
        http = client or self.http
        return await http.post("/v1/chat/completions", json=body, headers=bearer(key))

    async def truth(self) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            return (await http.get(f"{self.upstream}/truth")).json()

    async def control(self, **state: Any) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            await http.post(f"{self.upstream}/control", json=state)

    async def rows(self, query: str) -> list[Any]:
        connection = await asyncpg.connect(self.postgres_url)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    async def booked(self) -> tuple[float, float]:
        """Dollars that are booked, and that are held, in the database."""
        ((spent, held),) = await self.rows(
            "SELECT (SELECT coalesce(sum(amount), 0)::bigint FROM budget_bookings),"
            " (SELECT coalesce(sum(amount), 0)::bigint FROM budget_reservations)"
        )
        return spent / 1e9, held / 1e9

    async def settled(self, seconds: float = 40.0) -> float:
        """Wait until nothing is held any more; returns what is booked."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            spent, held = await self.booked()
            if held == 0:
                return spent
            await asyncio.sleep(0.2)
        raise AssertionError(f"{held} is still held")

    async def copies(self) -> list[dict[str, str]]:
        """What Redis has of each budget."""
        import redis.asyncio

        connection = redis.asyncio.Redis.from_url(self.redis.url(), decode_responses=True)
        try:
            names = [each async for each in connection.scan_iter("middleware:{budgets}:*")]
            return [await connection.hgetall(each) for each in names if ":replica:" not in each]
        finally:
            await connection.aclose()


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def _started(component: Component, log: Path) -> Process:
    if component.prepare:
        component.prepare()
    return Process(component, log)


Make = Callable[..., World]


@pytest.fixture(scope="module")
def make(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, request: Any
) -> Iterator[Make]:
    """Starts a world with so many replicas."""
    worlds: list[World] = []

    def made(replicas: int = 1, **settings: str) -> World:
        state = State(tmp_path_factory.mktemp("world"))
        state.create()
        name = f"budgets_{abs(hash((request.node.nodeid, len(worlds)))) % 10**12}"
        postgres.ensure_database(name)
        port = ports.choose()
        world = World(
            state,
            postgres.url(name),
            Redis(state, ports.choose(), state.secrets().redis_password),
            f"http://127.0.0.1:{port}",
        )
        worlds.append(world)
        component = Component(
            name="upstream",
            command=[sys.executable, "-m", "tests.middleware.budgets.litellm", str(port)],
            ready=lambda: answers(f"{world.upstream}/health/readiness"),
            port=port,
        )
        world.processes["upstream"] = _started(component, state.logs / "upstream.log")
        wait_until(component.ready)
        world.start_redis()
        for number in range(replicas):
            world.start_replica(f"replica-{number}", **settings)
        return world

    yield made
    for world in worlds:
        for process in world.processes.values():
            process.ask_to_stop()
        for process in world.processes.values():
            process.reap(time.monotonic() + 15)


@pytest.fixture(scope="module")
async def shared(make: Make) -> AsyncIterator[World]:
    world = make()
    yield world
    await world.close()


@pytest.fixture
async def world(shared: World) -> World:
    """A world with one replica, in which nothing has been spent yet."""
    await shared.fresh()
    return shared
