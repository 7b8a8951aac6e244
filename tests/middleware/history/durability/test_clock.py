"""A replica whose clock is set while it serves: nobody fails, and no conversation comes out of order."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from tests.conftest import wait_until

from . import servers
from .load import load
from .test_crashes import intact

HOURS = 3600.0


@pytest.fixture
def clock(tmp_path) -> Path:
    """How many seconds the first replica's clock is fast."""
    file = tmp_path / "clock"
    file.write_text("0")
    return file


@pytest.fixture
def replicas(model, redis, postgres_url, tmp_path, clock):
    settings = {
        "litellm_url": model.url,
        "database_url": postgres_url,
        "redis_url": redis.url,
        "key_seconds": 0.5,
        "log_level": "warning",
    }
    path = f"{Path(__file__).with_name('clock')}:{servers.ROOT}"
    stepped = {"PYTHONPATH": path, "CLOCK_FILE": str(clock)}
    with ExitStack() as stack:
        started = [
            servers.middleware("stepped", tmp_path, stepped, **settings),
            servers.middleware("right", tmp_path, **settings),
        ]
        for server in started:
            stack.callback(server.stop)
            server.launch()
        for server in started:
            server.await_ready()
        yield started


def fast(server) -> float:
    """How many seconds the clock of a replica is fast, as its answers say."""
    answer = httpx.get(f"{server.url}/livez", trust_env=False, timeout=30)
    return (parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)).total_seconds()


async def test_a_clock_that_is_set_forward_and_back_is_not_noticed(
    client, model, replicas, postgres_url, clock
):
    model.tell(seconds=0.3)
    async with load(client, [server.url for server in replicas]) as running:
        for hours in (2.0, -2.0, 0.0):
            new = clock.with_suffix(".new")
            new.write_text(str(hours * HOURS))
            new.replace(clock)
            await asyncio.to_thread(
                wait_until, lambda hours=hours: abs(fast(replicas[0]) - hours * HOURS) < 600
            )
            assert abs(fast(replicas[1])) < 600
            stepped = time.monotonic()
            await running.reaches(
                lambda stepped=stepped: running.answered_since(stepped) > 100, seconds=60
            )
    assert running.failed == []
    await intact(client, model, postgres_url, running)
