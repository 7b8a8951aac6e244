"""The engine, a client generated for a schema of every type, and databases for both."""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from gateway_lib.local import prisma
from gateway_lib.local.postgres import Postgres
from gateway_lib.local.prisma import client

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def engine() -> Iterator[prisma.Engine]:
    prepared = prisma.prepare()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in prepared.environment.items():
            patch.setenv(name, value)
        yield prepared


@pytest.fixture(scope="session")
def every_type(engine: prisma.Engine, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The package of the client generated from every_type.prisma."""
    folder = tmp_path_factory.mktemp("generated")
    root = engine.executable.parent
    schema = HERE / "every_type.prisma"
    client.generate(schema, folder / "every_type", root / "bin" / "node", root / "engine")
    sys.path.insert(0, str(folder))
    return importlib.import_module("every_type")


@pytest.fixture(scope="session")
def every_type_url(postgres: Postgres) -> str:
    postgres.ensure_database("every_type")
    url = postgres.url("every_type")
    with psycopg.connect(url, autocommit=True) as connection:
        # what is read and written must not depend on the server's time zone
        connection.execute("ALTER DATABASE every_type SET timezone TO 'America/New_York'")
        connection.execute((HERE / "every_type.sql").read_text())
    return url


@pytest.fixture(scope="session")
async def connected(every_type: ModuleType, every_type_url: str) -> AsyncIterator[Any]:
    """A client with an engine of five connections."""
    url = f"{every_type_url}?connection_limit=5&pool_timeout=5"
    prisma_client = every_type.Prisma(datasource={"url": url})
    await prisma_client.connect()
    yield prisma_client
    await prisma_client.disconnect()


@pytest.fixture
def db(connected: Any, every_type_url: str) -> Any:
    """The client, on empty tables."""
    with psycopg.connect(every_type_url, autocommit=True) as connection:
        connection.execute('TRUNCATE "Value", "Author", "Book", "Card" RESTART IDENTITY')
    return connected


@pytest.fixture
def engine_url(connected: Any) -> str:
    """Where the client's engine listens."""
    return str(connected._engine.url)
