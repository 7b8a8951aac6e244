"""PostgreSQL and Redis by their parts, as an orchestrator hands them over."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote, urlsplit

import asyncpg
import pytest
from pydantic import ValidationError

from gateway_lib.local.postgres import Postgres as Server
from middleware.database import Database
from middleware.probe import is_live
from middleware.settings import Settings
from middleware.stores import Postgres, redis_client

from .history.conftest import redis_url  # noqa: F401


def settings(**given: object) -> Settings:
    return Settings(litellm_key="sk-service", **given)


@pytest.fixture
def parts(postgres: Server) -> dict[str, object]:
    """A server, without any database of ours."""
    found = urlsplit(postgres.url("postgres"))
    return {
        "database_host": found.hostname,
        "database_port": found.port,
        "database_user": found.username,
        "database_password": unquote(found.password or ""),
    }


async def databases(server: Server) -> list[str]:
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        return [row[0] for row in await connection.fetch("SELECT datname FROM pg_database")]
    finally:
        await connection.close()


@pytest.mark.parametrize("name", ["made_by_many", 'with "quotes"; and -- more'])
async def test_tasks_that_start_together_make_the_database_once(postgres, parts, name):
    own = settings(**parts, database_name=name)
    assert name not in await databases(postgres)
    tasks = [Database(own) for _ in range(4)]
    for task in tasks:
        task.start()
    for task in tasks:
        async with asyncio.timeout(60):
            while not await task.is_ready(0.5):
                await asyncio.sleep(0.05)
    assert (await databases(postgres)).count(name) == 1
    await Postgres.of(own).ensure()  # where it is already
    for task in tasks:
        await task.close()


async def test_a_database_named_by_a_url_is_never_made(postgres):
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        own = Postgres.of(settings(database_url=postgres.url("nobodys")))
        await own.ensure()
        await own.connect()
    assert "nobodys" not in await databases(postgres)


async def test_a_server_without_tls_is_not_spoken_to_where_tls_is_asked_for(parts):
    with pytest.raises(ConnectionError, match="SSL"):
        await Postgres.of(settings(**parts, database_name="any", database_tls=True)).ensure()


async def test_redis_by_its_parts_is_the_redis_of_the_url(redis_url):  # noqa: F811
    found = urlsplit(redis_url)
    named = {
        "redis_host": found.hostname,
        "redis_port": found.port,
        "redis_password": unquote(found.password or ""),
    }
    clients = [
        redis_client(settings(database_url="d", **each), 2.0)
        for each in (named, {"redis_url": redis_url})
    ]
    assert all(clients)
    await clients[0].set("by-parts", "1")
    assert await clients[1].get("by-parts") == b"1"
    for client in clients:
        await client.aclose()
    assert redis_client(settings(database_url="d"), 2.0) is None


@pytest.mark.parametrize("given", [{}, {"database_url": "d", "database_host": "h"}])
def test_one_database_has_to_be_named(given):
    with pytest.raises(ValidationError, match="either database_url or database_host"):
        settings(**given)


def test_the_reference_to_a_key_is_no_key():
    with pytest.raises(ValidationError, match="not the key") as refused:
        Settings(litellm_key="sk-{{resolve:secretsmanager:a:SecretString:key}}", database_url="d")
    assert "resolve" not in str(refused.value)


def test_an_empty_variable_says_nothing(monkeypatch):
    for name in ("MIDDLEWARE_OKTA_ISSUER", "MIDDLEWARE_OKTA_AUDIENCE", "MIDDLEWARE_PORT"):
        monkeypatch.setenv(name, "")
    own = settings(database_url="d")
    assert (own.okta_issuer, own.okta_audience, own.port) == ("", "api://default", 3000)


async def test_the_probe_tells_whether_somebody_answers(gateway, unused_tcp_port):
    port = urlsplit(gateway).port
    assert await asyncio.to_thread(is_live, port)
    assert not await asyncio.to_thread(is_live, unused_tcp_port)
