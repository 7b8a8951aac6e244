"""The whole gateway for a long time at 70 % of what it can do: no error, no lost turn, nothing that grows.

`SOAK_SECONDS` says how long; 20 minutes where nothing does.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass

import numpy as np
import psutil
import psycopg
import pytest
from scipy.stats import theilslopes

from gateway_lib.local.doors import DATABASE
from gateway_lib.local.postgres import Postgres
from tests.stack.under_load.conftest import key, talk  # noqa: F401
from tests.stack.under_load.talking import TURNS, Talk

SECONDS = float(os.environ.get("SOAK_SECONDS", "1200"))
SHARE = 0.7
CROWD = 8
"""People who talk without a pause while the capacity is measured."""
MOST = 64
"""Turns under way at once; on a machine that has become slower, the next one waits for one of them."""
SAMPLE_SECONDS = 2.0
SETTLED = 0.4
"""The share of the time after which caches and pools have their size."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the processes hold at a moment, in seconds since the beginning."""

    at: float
    memory: float
    """Resident, of the middleware, in MiB."""
    files: float
    """Descriptors of the middleware's that are open, connections among them."""
    connections: float
    """PostgreSQL's, of everybody."""


class Meter:
    """Looks at the middleware and at PostgreSQL every now and then."""

    def __init__(self, stack) -> None:
        parts = {part["name"]: part for part in stack.snapshot["components"]}
        self.samples: list[Sample] = []
        self._process = psutil.Process(parts["middleware"]["pid"])
        password = stack.state.secrets().postgres_password
        self._url = Postgres(stack.state, parts["postgres"]["port"], password).url(DATABASE)

    async def watch(self) -> None:
        began = time.monotonic()
        while True:
            self.samples.append(await asyncio.to_thread(self._sample, time.monotonic() - began))
            await asyncio.sleep(SAMPLE_SECONDS)

    def _sample(self, at: float) -> Sample:
        with psycopg.connect(self._url) as connection:
            row = connection.execute("SELECT count(*) FROM pg_stat_activity").fetchone()
        memory = self._process.memory_info().rss / 2**20
        return Sample(at, memory, self._process.num_fds(), row[0])

    def growth(self, name: str) -> tuple[float, float]:
        """By how much something has grown since everything had its size, and its median.

        The slope is the median of those between all pairs (Theil and Sen), which a few peaks do not move,
        at the lower end of its 95 % interval: what is said to grow does.
        """
        settled = [one for one in self.samples if one.at >= SETTLED * self.samples[-1].at]
        values = np.array([getattr(one, name) for one in settled])
        slope = theilslopes(values, [one.at for one in settled])
        return float(slope.low_slope) * (settled[-1].at - settled[0].at), float(np.median(values))


async def capacity(people: Talk, seconds: float) -> float:
    """Turns per second of a crowd that does not pause."""
    until = time.monotonic() + seconds
    crowd = [people.converse(lambda: time.monotonic() < until) for _ in range(CROWD)]
    began = time.monotonic()
    await asyncio.gather(*crowd)
    return len(people.turns) / (time.monotonic() - began)


async def at_a_pace(people: Talk, per_second: float, seconds: float) -> None:
    """Conversations that begin at regular intervals, whatever has become of those before."""
    places = asyncio.Semaphore(MOST)

    async def conversation() -> None:
        session = ""
        for _ in range(TURNS):
            session = (await people.say(session)).session
        places.release()

    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * per_second / TURNS)):
            due = began + number * TURNS / per_second
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await places.acquire()
            group.create_task(conversation())


@pytest.mark.faults
@pytest.mark.timeout(SECONDS * 3 + 900)
async def test_a_long_time_at_seventy_percent_of_what_it_can_do(stack, talk, capsys):  # noqa: F811
    await capacity(talk, 5.0)  # until everything is warm
    talk.turns.clear()
    most = await capacity(talk, min(20.0, SECONDS / 10))
    meter = Meter(stack)
    watching = asyncio.create_task(meter.watch())
    try:
        began = time.monotonic()
        await at_a_pace(talk, SHARE * most, SECONDS)
        took = time.monotonic() - began
    finally:
        watching.cancel()
    grown = {name: meter.growth(name) for name in ("memory", "files", "connections")}
    with capsys.disabled():
        print(f"\n{len(talk.turns)} turns, {most:.1f}/s at most, {len(talk.turns) / took:.1f}/s")
        for name, (by, median) in grown.items():
            print(f"  {name}: median {median:.1f}, grown by {by:.2f}")
        for turn in talk.failed[:20]:
            print(f"  failed after {turn.sent - began:.1f} s: {turn}")
    assert len(talk.failed) == 0
    await talk.lost_nothing()
    assert grown["memory"][0] < 0.05 * grown["memory"][1]
    assert grown["files"][0] < 5 and grown["connections"][0] < 3
