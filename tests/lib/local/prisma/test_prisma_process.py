"""The engine as a process: whom it serves, when it ends, and what a lost database does to it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import psutil
import psycopg
import pytest

from gateway_lib import local
from gateway_lib.local import ports, prisma
from gateway_lib.local.component import Process
from gateway_lib.local.postgres import Postgres
from gateway_lib.local.prisma.client import ENGINE_VERSION

HERE = Path(__file__).parent


class Server:
    """A PostgreSQL server of this module's own, to be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.state = local.State(folder)
        self.state.create()
        password = self.state.secrets().postgres_password
        self.postgres = Postgres(self.state, ports.choose(), password)
        self.component = self.postgres.component()
        self.start()

    def start(self) -> None:
        assert self.component.prepare
        self.component.prepare()
        self.process = Process(self.component, self.state.logs / "postgres.log")
        wait_for(self.postgres.is_ready)

    def stop(self) -> None:
        self.process.ask_to_stop()
        self.process.reap(time.monotonic() + 10)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "state")
    with psycopg.connect(server.postgres.url("postgres"), autocommit=True) as connection:
        connection.execute((HERE / "every_type.sql").read_text())
    yield server
    server.stop()


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def test_a_lost_database_comes_back(
    engine: prisma.Engine, every_type: ModuleType, server: Server
) -> None:
    errors = every_type.errors
    url = f"{server.postgres.url('postgres')}?connection_limit=4"
    db = every_type.Prisma(datasource={"url": url})
    await db.connect()
    pid = db._engine.process.pid
    await asyncio.gather(*(db.query_raw("SELECT pg_sleep(0.05)") for _ in range(8)))
    transaction = db.tx(timeout=timedelta(minutes=1))
    idle = await transaction.start()
    await idle.author.create(data={"id": 1, "name": "lost"})
    busy = asyncio.create_task(db.query_raw("SELECT pg_sleep(30)"))
    await asyncio.sleep(0.3)

    server.stop()
    with pytest.raises(errors.DataError, match="connection closed") as lost:
        await busy
    assert lost.value.code in ("P1017", "P2010")
    for attempt in (db.author.count(), db.query_raw("SELECT 1"), db.tx().start()):
        with pytest.raises((errors.DataError, every_type.engine.errors.EngineRequestError)) as away:
            await attempt
        assert "Can't reach database server" in str(away.value)
    with pytest.raises(errors.DataError, match="connection closed"):
        await idle.author.count()
    with pytest.raises(every_type.engine.errors.EngineRequestError, match="connection closed"):
        await transaction.commit()

    server.start()
    assert await db.author.count() == 0
    await asyncio.gather(*(db.author.create(data={"id": n, "name": f"n{n}"}) for n in range(20)))
    async with db.tx() as transaction:
        assert await transaction.author.count() == 20
    assert db._engine.process.pid == pid
    gauges = {gauge.key: gauge.value for gauge in (await db.get_metrics()).gauges}
    assert gauges["prisma_pool_connections_busy"] == 0
    await db.disconnect()


async def test_connections_ended_by_the_server(
    engine: prisma.Engine, every_type: ModuleType, every_type_url: str
) -> None:
    db = every_type.Prisma(datasource={"url": f"{every_type_url}?connection_limit=3"})
    await db.connect()
    await asyncio.gather(*(db.query_raw("SELECT pg_sleep(0.05)") for _ in range(6)))
    inside = await db.tx(timeout=timedelta(minutes=1)).start()
    with psycopg.connect(every_type_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await asyncio.sleep(0.3)
    with pytest.raises(every_type.errors.DataError, match="connection closed"):
        await inside.author.count()
    assert await asyncio.gather(*(db.value.count() for _ in range(20))) == [0] * 20
    await db.disconnect()


async def test_a_database_that_is_not_there(engine: prisma.Engine, every_type: ModuleType) -> None:
    port = ports.choose()
    db = every_type.Prisma(datasource={"url": f"postgresql://x:y@127.0.0.1:{port}/z"})
    await db.connect()
    with pytest.raises(every_type.errors.DataError, match="Can't reach database server") as away:
        await db.author.count()
    assert away.value.code == "P1001"
    await db.disconnect()


async def test_credentials_that_are_wrong(every_type: ModuleType, postgres: Postgres) -> None:
    right = postgres.url("postgres")
    wrong = right.replace(f":{postgres.password}@", ":wrong@")
    for url, code in ((wrong, "P1000"), (postgres.url("missing"), "P1003")):
        db = every_type.Prisma(datasource={"url": url})
        await db.connect()
        with pytest.raises(every_type.errors.DataError) as refused:
            await db.author.count()
        assert refused.value.code == code
        assert "wrong" not in str(refused.value)
        await db.disconnect()


def started(
    engine: prisma.Engine, url: str, *, by: list[str] | None = None
) -> subprocess.Popen[str]:
    """An engine, started as prisma-client-py starts it, perhaps by another process."""
    command = [
        *(by or []),
        str(engine.executable),
        "-p",
        str(ports.choose()),
        "--enable-raw-queries",
    ]
    environment = {
        "PRISMA_DML_PATH": str(HERE / "every_type.prisma"),
        "EVERY_TYPE_DATABASE_URL": url,
    }
    return subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def listening(process: psutil.Process) -> list[str]:
    return [each.laddr.ip for each in process.net_connections("tcp") if each.status == "LISTEN"]


def test_it_dies_with_its_parent(engine: prisma.Engine, every_type_url: str) -> None:
    script = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(60)"
    parent = started(engine, every_type_url, by=[sys.executable, "-c", script])
    try:
        wait_for(lambda: psutil.Process(parent.pid).children())
        (child,) = psutil.Process(parent.pid).children()
        wait_for(lambda: listening(child))
    finally:
        parent.kill()
        parent.communicate()
    began = time.monotonic()
    child.wait(timeout=5)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_on_signals_and_listens_on_loopback(
    engine: prisma.Engine, every_type_url: str, number: signal.Signals
) -> None:
    process = started(engine, every_type_url)
    observed = psutil.Process(process.pid)
    wait_for(lambda: listening(observed))
    assert listening(observed) == ["127.0.0.1"]
    assert observed.name().startswith("query-engine")
    process.send_signal(number)
    assert process.communicate(timeout=5) == ("", "")
    assert process.returncode == 0


def test_what_it_cannot_use(engine: prisma.Engine, tmp_path: Path) -> None:
    for url, said in (
        ("postgresql://h/d?connection_limit=0", "connection_limit has to be at least 1"),
        ("postgresql://h/d?pool_timeout=soon", "pool_timeout=soon is not a whole number"),
        ("", "the environment has no EVERY_TYPE_DATABASE_URL"),
    ):
        process = started(engine, url)
        _, error = process.communicate(timeout=20)
        assert (process.returncode, error) == (1, f"query-engine: {said}\n")


def test_its_version(engine: prisma.Engine) -> None:
    result = subprocess.run(
        [engine.executable, "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout == f"query-engine {ENGINE_VERSION}\n"
