"""The service before an upstream with keys, on a database of its own."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest

from gateway_lib.local import State, ports
from gateway_lib.local.component import Process
from gateway_lib.local.redis import Redis
from middleware.app import create_app
from middleware.settings import Settings
from tests.conftest import wait_until
from tests.middleware.conftest import served

from .litellm import MASTER, MODEL, LiteLLM

KEY = "sk-first-key-of-the-tests"


class Service:
    """A running middleware, and the calls that tests make of it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def chat(self, text: str, key: str = KEY, **fields: Any) -> httpx.Response:
        body = {"model": MODEL, "messages": [{"role": "user", "content": text}], **fields}
        return await self.http.post("/v1/chat/completions", json=body, headers=bearer(key))

    async def converse(self, text: str, key: str = KEY, **fields: Any) -> httpx.Response:
        body = {"messages": [{"role": "user", "content": [{"text": text}]}], **fields}
        path = f"/bedrock/model/{MODEL}/converse"
        return await self.http.post(path, json=body, headers=bearer(key))

    async def history(self, session_id: str, key: str = KEY, path: str = "/chat-history", **more):
        body = {"session_id": session_id, **more}
        return await self.http.post(path, json=body, headers=bearer(key))


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.fixture
async def litellm() -> AsyncIterator[LiteLLM]:
    app = LiteLLM()
    app.add_key(KEY, "ada")
    async with served(app) as url:
        app.url = url
        yield app


Start = Callable[..., Any]


@pytest.fixture
async def start(litellm: LiteLLM, postgres_url: str) -> AsyncIterator[Start]:
    """Starts a service with the settings given."""
    async with AsyncExitStack() as stack:

        async def run(**settings: Any) -> Service:
            return await stack.enter_async_context(_running(litellm, postgres_url, settings))

        yield run


@asynccontextmanager
async def _running(litellm: LiteLLM, postgres_url: str, settings: dict[str, Any]):
    given = {"litellm_url": litellm.url, "litellm_key": MASTER, "database_url": postgres_url}
    async with (
        served(create_app(Settings(**{**given, **settings}))) as url,
        httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as http,
    ):
        while (await http.get("/readyz")).status_code != 200:
            pass
        yield Service(http)


@pytest.fixture
async def service(start: Start) -> Service:
    return await start()


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The service's own database, to look into."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server of its own."""
    state = State(tmp_path_factory.mktemp("redis"))
    state.create()
    server = Redis(state, ports.choose(), state.secrets().redis_password)
    component = server.component()
    component.prepare()
    process = Process(component, state.logs / "redis.log")
    wait_until(server.is_ready)
    yield server.url()
    process.ask_to_stop()
    process.reap(time.monotonic() + 10)
