"""No space left: on the disk of the database, and on the one that the log is written to."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_lib.local import ports
from tests.conftest import wait_until
from tests.middleware.history.litellm import MASTER

from . import servers
from .client import KINDS
from .load import load
from .servers import Database
from .test_crashes import intact, refused_politely

# A disk of its own for the data, which this process alone has; PostgreSQL goes on as nobody, for it
# refuses to be root.
_ON_A_DISK = """
set -e
mkdir -p "$1"
mount -t tmpfs -o size=160m,mode=0700 tmpfs "$1"
cp -a "$2/." "$1"
shift 2
exec unshare --user --map-user=65534 --map-group=65534 "$@"
"""


class Small(Database):
    """PostgreSQL on a disk that can be filled."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        data = folder / "postgres"
        self._disk = folder / "disk"
        command = list(self._component.command)
        program = command[next(n for n, word in enumerate(command) if word.endswith("/postgres")) :]
        own = [str(self._disk) if word == str(data) else word for word in program]
        namespace = ["unshare", "--user", "--map-root-user", "--mount"]
        script = ["sh", "-c", _ON_A_DISK, "sh", str(self._disk), str(data)]
        self._component = replace(self._component, command=[*namespace, *script, *own])

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte is left on its disk."""
        inside = Path(f"/proc/{self._running.pid}/root{self._disk}/filler")
        with inside.open("wb", buffering=0) as filler:
            size = 2**20
            while size:
                try:
                    filler.write(bytes(size))
                except OSError as error:
                    assert error.errno == errno.ENOSPC
                    size //= 2
        try:
            yield
        finally:
            inside.unlink()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory) -> Iterator[Small]:
    server = Small(tmp_path_factory.mktemp("small"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


async def test_a_database_whose_disk_is_full_refuses_turns_and_loses_none(
    client, model, replicas, postgres, postgres_url
):
    model.tell(seconds=0.3)
    async with load(client, [server.url for server in replicas]) as running:
        with postgres.full():
            await running.reaches(lambda: len(running.failed) > 20, seconds=60)
        await running.every_replica_answers(60)
    refused_politely(running.failed)
    await intact(client, model, postgres_url, running)


async def test_a_log_that_cannot_be_written_costs_no_answer(client, model, redis, postgres_url):
    port = ports.choose()
    settings = {
        "litellm_url": model.url,
        "litellm_key": MASTER,
        "database_url": postgres_url,
        "redis_url": redis.url,
        "port": port,
    }
    url = f"http://{ports.HOST}:{port}"
    process = await asyncio.to_thread(_logging_into_the_void, settings)
    try:
        await asyncio.to_thread(wait_until, lambda: servers.answers(f"{url}/readyz"), 60)
        for number in range(40):
            outcome = await client.ask(f"question {number}", url=url, kind=KINDS[number % 4])
            assert outcome.answer, outcome
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 60)


def _logging_into_the_void(settings: dict[str, object]) -> subprocess.Popen[bytes]:
    environment = {f"MIDDLEWARE_{name.upper()}": str(value) for name, value in settings.items()}
    with Path("/dev/full").open("wb") as full:  # every write to it fails for want of space
        return subprocess.Popen(
            [sys.executable, "-m", "middleware"],
            stdout=full,
            stderr=full,
            env={**os.environ, **environment, "PYTHONPATH": str(servers.ROOT)},
        )
