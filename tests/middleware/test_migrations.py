"""The schema of the service's database, brought up to date by whichever replica comes first."""

from __future__ import annotations

import asyncio

import asyncpg

from middleware import migrations
from middleware.database import Database
from middleware.settings import Settings
from middleware.stores import Postgres


async def test_replicas_that_start_together_migrate_once(postgres_url):
    await asyncio.gather(*(migrations.upgrade(Postgres({"dsn": postgres_url})) for _ in range(4)))
    connection = await asyncpg.connect(postgres_url)
    tables = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    )
    await connection.close()
    assert {"sessions", "turns", "answers", "alembic_version"} <= {row[0] for row in tables}


async def test_a_service_starts_on_the_database_of_a_later_version(postgres_url, caplog):
    await migrations.upgrade(Postgres({"dsn": postgres_url}))
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await migrations.upgrade(Postgres({"dsn": postgres_url}))
    assert await connection.fetchval("SELECT version_num FROM alembic_version") == "9999"
    await connection.close()
    assert "later version" in caplog.text


async def test_a_database_that_comes_late_is_waited_for(postgres):
    settings = Settings(litellm_key="sk-service", database_url=postgres.url("late"))
    database = Database(settings)
    database.start()
    assert not await database.is_ready(0.5)
    postgres.ensure_database("late")
    for _ in range(100):
        if await database.is_ready(0.2):
            break
        await asyncio.sleep(0.05)
    assert await database.is_ready(0.2)
    await database.close()
