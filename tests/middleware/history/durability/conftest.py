"""Two replicas of the service as processes, before servers that a test may break."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import aiohttp
import pytest

from . import servers
from .client import Client
from .servers import Database, Model, Server


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A PostgreSQL server for these tests alone, for it does not always survive them."""
    server = Database(tmp_path_factory.mktemp("postgres"))
    yield from _running(server)


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _running(servers.redis(tmp_path_factory.mktemp("redis")))


@pytest.fixture(scope="session")
def _model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    yield from _running(Model(tmp_path_factory.mktemp("model")))


@pytest.fixture
def model(_model: Model) -> Model:
    """The upstream, which answers at once, and has been asked nothing."""
    _model.tell(seconds=0, hold=0, forget=1)
    return _model


@pytest.fixture
def postgres_url(postgres: Database, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database."""
    name = f"test_{abs(hash(request.node.nodeid)) % 10**12}"
    postgres.ensure_database(name)
    return postgres.url_of(name)


@pytest.fixture
def replicas(model: Model, redis: Server, postgres_url: str, tmp_path) -> Iterator[list[Server]]:
    """Two, which have to ask for a key again after a moment."""
    settings = {
        "litellm_url": model.url,
        "database_url": postgres_url,
        "redis_url": redis.url,
        "key_seconds": 0.5,
        "log_level": "warning",
    }
    with ExitStack() as stack:
        started = [servers.middleware(f"replica-{n}", tmp_path, **settings) for n in range(2)]
        for server in started:
            stack.callback(server.stop)
            server.launch()
        for server in started:
            server.await_ready()
        yield started


@pytest.fixture
async def client(replicas: list[Server]) -> AsyncIterator[Client]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        yield Client(http, [server.url for server in replicas])


def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()
