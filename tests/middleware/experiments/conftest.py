"""Replicas of the service before an upstream that answers by model, on a database of their own."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest

from middleware.app import create_app
from middleware.settings import Settings
from tests.middleware.conftest import served
from tests.middleware.history.conftest import bearer, redis_url  # noqa: F401
from tests.middleware.history.litellm import BEDROCK_MODEL, MASTER, MODEL

from .litellm import LiteLLM

ADA, BOB, ADMIN = "sk-of-ada", "sk-of-bob", "sk-of-an-administrator"
NAME = "cheaper"
FILE: dict[str, Any] = {
    "hypothesis": "The other model is cheaper.",
    "routing": {
        "name": NAME,
        "arms": [
            {"name": "control", "model": MODEL},
            {"name": "treatment", "model": BEDROCK_MODEL},
        ],
    },
}


def file(**routing: Any) -> dict[str, Any]:
    """An experiment's file with this of its routing another one."""
    document = copy.deepcopy(FILE)
    document["routing"] |= routing
    return document


class Service:
    """A replica, and the calls that tests make of it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def put(self, document: dict[str, Any] | None = None, key: str = MASTER, **query: Any):
        document = document or FILE
        name = document["routing"]["name"]
        return await self.http.put(
            f"/experiments/{name}", json=document, params=query, headers=bearer(key)
        )

    async def post(self, path: str, body: Any, key: str = MASTER) -> httpx.Response:
        return await self.http.post(path, json=body, headers=bearer(key))

    async def get(self, path: str, key: str = MASTER, **query: Any) -> httpx.Response:
        return await self.http.get(path, params=query, headers=bearer(key))

    async def chat(
        self, user: str | None = None, key: str = ADA, headers: dict[str, str] | None = None, **more
    ):
        body = {
            "model": f"experiment/{NAME}",
            "messages": [{"role": "user", "content": "hello"}],
            **({"user": user} if user else {}),
            **more,
        }
        return await self.http.post(
            "/v1/chat/completions", json=body, headers=bearer(key) | (headers or {})
        )

    async def converse(
        self, user: str | None = None, key: str = ADA, action: str = "converse", **more
    ):
        body = {
            "messages": [{"role": "user", "content": [{"text": "hello"}]}],
            **({"requestMetadata": {"user": user}} if user else {}),
            **more,
        }
        path = f"/bedrock/model/experiment%2F{NAME}/{action}"
        return await self.http.post(path, json=body, headers=bearer(key))

    async def outcomes(self, name: str = NAME, **query: Any) -> list[dict[str, Any]]:
        """All rows, once each has ended."""
        for _ in range(200):
            answer = await self.get(f"/experiments/{name}/outcomes", **query)
            assert answer.status_code == 200, answer.text
            rows = [httpx.Response(200, content=line).json() for line in answer.text.splitlines()]
            if all(row["ended"] for row in rows):
                return rows
            await asyncio.sleep(0.02)
        raise AssertionError("an outcome was not written")


@pytest.fixture
async def litellm() -> AsyncIterator[LiteLLM]:
    app = LiteLLM()
    app.add_key(ADA, "ada", team_id="red")
    app.add_key(BOB, "bob")
    app.add_key(ADMIN, "root")
    app.roles["root"] = "proxy_admin"
    async with served(app) as url:
        app.url = url
        yield app


Start = Callable[..., Any]


@pytest.fixture
async def start(litellm: LiteLLM, postgres_url: str) -> AsyncIterator[Start]:
    """Starts a replica with the settings given."""
    async with AsyncExitStack() as stack:

        async def run(**settings: Any) -> Service:
            return await stack.enter_async_context(running(litellm, postgres_url, settings))

        yield run


@asynccontextmanager
async def running(
    litellm: LiteLLM, postgres_url: str, settings: dict[str, Any]
) -> AsyncIterator[Service]:
    """A replica for the time of the context."""
    given = {"litellm_url": litellm.url, "litellm_key": MASTER, "database_url": postgres_url}
    given |= {"history": "opt_in"}
    async with (
        served(create_app(Settings(**{**given, **settings}))) as url,
        httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as http,
    ):
        while (await http.get("/readyz")).status_code != 200:
            pass
        yield Service(http)


@pytest.fixture
async def service(start: Start) -> Service:
    """A replica on which the experiment runs."""
    replica = await start()
    answer = await replica.put()
    assert answer.status_code == 201, answer.text
    return replica


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The service's own database, to look into."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()
