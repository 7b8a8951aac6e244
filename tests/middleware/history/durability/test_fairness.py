"""The service has few connections to its database, and very many callers who need one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from middleware.database import Database
from middleware.settings import Settings
from tests.middleware.history.litellm import MASTER


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """The service's side of a database, with a single connection."""
    settings = Settings(litellm_key=MASTER, database_url=postgres_url, database_connections=1)
    own = Database(settings)
    own.start()
    try:
        async with asyncio.timeout(10):
            while not await own.is_ready(1):
                await asyncio.sleep(0.02)
        yield own
    finally:
        await own.close()


async def test_a_connection_goes_to_whoever_waits_longest(database):
    served = []

    async def use(name: int) -> None:
        for _ in range(20):
            async with database.connection() as connection:
                served.append(name)
                await connection.fetchval("SELECT 1")

    await asyncio.gather(*map(use, range(20)))
    assert served == list(range(20)) * 20


async def test_a_service_with_many_waiting_is_ready_all_the_same(database):
    async def use() -> None:
        async with database.connection() as connection:
            await connection.fetchval("SELECT pg_sleep(0.1)")

    waiting = [asyncio.create_task(use()) for _ in range(30)]
    await asyncio.sleep(0.05)
    assert await database.is_ready(1)
    assert not waiting[-1].done()
    await asyncio.gather(*waiting)
