"""The service before a LiteLLM that can be managed, with an issuer and a policy."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from gateway_lib.local.postgres import Postgres
from middleware.app import create_app
from middleware.settings import Settings
from tests.middleware.conftest import opened, served
from tests.middleware.history.litellm import MASTER, MODEL

from .issuer import Watched
from .litellm import Managed

POLICY: dict[str, Any] = {
    "defaults": {
        "models": [MODEL, "other-model"],
        "max_budget": 50.0,
        "budget_duration": "30d",
        "rpm_limit": 100,
        "tpm_limit": 10_000,
        "max_parallel_requests": 5,
        "key_lifetime": "30d",
        "max_keys": 8,
        "priority": 50,
    },
    "rules": [
        {"name": "nobody", "match": {"groups": "banned"}, "refuse": True},
        {"name": "administrators", "match": {"groups": "admins"}, "grant": {"admin": True}},
        {
            "name": "team",
            "match": {"groups": "team"},
            "grant": {"teams": ["t1"], "max_budget": 70.0, "model_rpm_limit": {MODEL: 7}},
        },
        {"name": "people", "match": {"sub": "*@example.com"}},
    ],
    "internal_users": {"key_lifetime": "30d", "rpm_limit": 200, "max_keys": 8},
}


class Gateway:
    """A running middleware, and the calls that tests make of it."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self.http = http
        self.url = url

    async def post(self, path: str, key: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self.http.post(path, json=body or {}, headers=bearer(key), **more)

    async def chat(self, key: str, header: str = "authorization") -> httpx.Response:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
        value = f"Bearer {key}" if header == "authorization" else key
        return await self.http.post("/v1/chat/completions", json=body, headers={header: value})


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@asynccontextmanager
async def an_issuer() -> AsyncIterator[Watched]:
    app = Watched()
    async with served(app) as url, app.http:
        app.url = url
        yield app


@asynccontextmanager
async def a_litellm() -> AsyncIterator[Managed]:
    app = Managed()
    app.add_user("default_user_id", "proxy_admin")
    async with served(app) as url:
        app.url = url
        yield app


@asynccontextmanager
async def a_gateway(
    litellm: Managed,
    issuer: Watched,
    database_url: str,
    folder: Path,
    policy: dict[str, Any] = POLICY,
    **settings: Any,
) -> AsyncIterator[Gateway]:
    path = folder / f"{secrets.token_hex(4)}.yaml"
    path.write_text(yaml.safe_dump(policy))
    given = {
        "litellm_url": litellm.url,
        "litellm_key": MASTER,
        "database_url": database_url,
        "okta_issuer": issuer.issuer,
        "identity_policy": str(path),
        "key_seconds": 0.001,
    }
    app = create_app(Settings(**{**given, **settings}))
    async with served(app, ws="websockets-sansio") as url:
        await opened(url)
        async with httpx.AsyncClient(
            base_url=url, timeout=30, trust_env=False, verify=False
        ) as http:
            yield Gateway(http, url)


@pytest.fixture
async def issuer() -> AsyncIterator[Watched]:
    async with an_issuer() as app:
        yield app


@pytest.fixture
async def litellm() -> AsyncIterator[Managed]:
    async with a_litellm() as app:
        yield app


Start = Callable[..., Any]


@pytest.fixture
async def start(
    litellm: Managed, issuer: Watched, postgres_url: str, tmp_path: Path
) -> AsyncIterator[Start]:
    """Starts a service with the policy and the settings given."""
    async with AsyncExitStack() as stack:

        async def run(policy: dict[str, Any] = POLICY, **settings: Any) -> Gateway:
            running = a_gateway(litellm, issuer, postgres_url, tmp_path, policy, **settings)
            return await stack.enter_async_context(running)

        yield run


@pytest.fixture
async def gateway(start: Start) -> Gateway:
    return await start()


@dataclass
class Shared:
    """One service for many tests that leave nothing behind in it."""

    gateway: Gateway
    litellm: Managed
    issuer: Watched


@pytest.fixture(scope="module")
async def shared(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shared]:
    name = f"shared_{secrets.token_hex(4)}"
    postgres.ensure_database(name)
    folder = tmp_path_factory.mktemp("policy")
    async with (
        an_issuer() as issuer,
        a_litellm() as litellm,
        a_gateway(litellm, issuer, postgres.url(name), folder) as gateway,
    ):
        yield Shared(gateway, litellm, issuer)
