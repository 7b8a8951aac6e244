"""What is written stays, and is written once: through kills, leaving callers and databases that go away."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter

import httpx
import pytest

from gateway_lib.local import State, ports
from gateway_lib.local.component import Component, Process
from gateway_lib.local.http import answers
from gateway_lib.local.postgres import Postgres
from tests.conftest import wait_until
from tests.middleware.history.conftest import bearer
from tests.middleware.history.litellm import MASTER, MODEL

from .conftest import ADA, NAME, Service, running


class Replica:
    """A replica as a process, which can be killed."""

    def __init__(self, folder, upstream: str, database: str) -> None:
        self.port = ports.choose()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / f"{self.port}.log"
        self._component = Component(
            name="replica",
            command=[sys.executable, "-m", "middleware"],
            ready=lambda: answers(f"{self.url}/readyz"),
            port=self.port,
            environment={
                "MIDDLEWARE_PORT": str(self.port),
                "MIDDLEWARE_LITELLM_URL": upstream,
                "MIDDLEWARE_LITELLM_KEY": MASTER,
                "MIDDLEWARE_DATABASE_URL": database,
                "MIDDLEWARE_LOG_LEVEL": "warning",
            },
        )

    async def start(self) -> None:
        self._process = Process(self._component, self._log)
        await asyncio.to_thread(wait_until, self._component.ready)

    def kill(self) -> None:
        self._process.kill_group()
        self._process.reap(time.monotonic() + 10)

    async def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        self._process.ask_to_stop()
        await asyncio.to_thread(self._process.reap, time.monotonic() + 30)


@pytest.fixture
async def replica(tmp_path, litellm, postgres_url):
    made = Replica(tmp_path, litellm.url, postgres_url)
    await made.start()
    yield made
    await made.stop()


async def call_until(http, stop, seen):
    """Call the experiment again and again; `seen` are the ids of whole answers."""
    number = 0
    while not stop.is_set():
        number += 1
        body = {
            "model": f"experiment/{NAME}",
            "user": f"user-{number % 50}",
            "stream": number % 2 == 0,
            "messages": [{"role": "user", "content": "hello"}],
        }
        try:
            answer = await http.post("/v1/chat/completions", json=body, headers=bearer(ADA))
        except httpx.HTTPError:
            await asyncio.sleep(0.05)
        else:
            if answer.status_code == 200:
                seen.append(answer.headers["x-request-id"])


async def test_no_exposure_is_lost_or_doubled_when_a_replica_is_killed(replica, litellm, database):
    async with httpx.AsyncClient(base_url=replica.url, timeout=30, trust_env=False) as http:
        assert (await Service(http).put()).status_code == 201
        stop, seen = asyncio.Event(), []
        callers = [asyncio.create_task(call_until(http, stop, seen)) for _ in range(10)]
        for _ in range(3):
            await asyncio.sleep(1.0)
            replica.kill()
            await replica.start()
        await asyncio.sleep(0.5)
        stop.set()
        await asyncio.gather(*callers)
    await replica.stop()  # what ends at a stop is written
    exposed = await database.fetch(
        "SELECT exposures.request_id, exposures.arm, outcomes.status FROM experiment_exposures AS exposures"
        " LEFT JOIN experiment_outcomes AS outcomes USING (number)"
    )
    ids = {row["request_id"] for row in exposed}
    called = Counter(request_id for request_id, _ in litellm.calls)
    assert len(ids) == len(exposed) and max(called.values()) == 1
    assert called.keys() <= ids, "a call was made of which nothing was written"
    unsent = ids - called.keys()
    assert len(unsent) <= 3 * len(callers), "written, and killed before it was sent"
    still_open = {row["request_id"] for row in exposed if row["status"] is None}
    assert len(still_open) <= 3 * len(callers) + len(unsent)
    assert len(set(seen)) == len(seen) > 100
    await replica.start()


async def test_what_has_ended_is_written_before_a_replica_stops(litellm, postgres_url, database):
    async with running(litellm, postgres_url, {}) as service:
        await service.put()
        await asyncio.gather(*(service.chat(f"user-{number}") for number in range(30)))
    rows = await database.fetch("SELECT failed FROM experiment_outcomes")
    assert len(rows) == 30 and not any(row["failed"] for row in rows)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("interface", ["openai", "bedrock"])
async def test_a_caller_who_leaves_is_no_failure(service, litellm, interface, streamed):
    litellm.gone = asyncio.Event()
    if not streamed:
        litellm.slow = dict.fromkeys((MODEL, "a-bedrock-model"), 1.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            if interface == "openai":
                await service.chat("ada", stream=streamed)
            else:
                await service.converse("ada", action="converse-stream" if streamed else "converse")
    (row,) = await service.outcomes()
    assert (row["status"], row["failed"], row["latency_ms"]) == (499, False, None)


class OwnPostgres:
    """A PostgreSQL server that can be killed, of one test."""

    def __init__(self, folder) -> None:
        self._state = State(folder)
        self._state.create()
        password = self._state.secrets().postgres_password
        self.server = Postgres(self._state, ports.choose(), password)
        self._component = self.server.component()
        self._component.prepare()

    async def start(self) -> None:
        self._process = Process(self._component, self._state.logs / "postgres.log")
        await asyncio.to_thread(wait_until, self.server.is_ready)

    def kill(self) -> None:
        self._process.kill_group()
        self._process.reap(time.monotonic() + 10)

    async def stop(self) -> None:
        self._process.ask_to_stop()
        await asyncio.to_thread(self._process.reap, time.monotonic() + 20)


@pytest.fixture
async def own_postgres(tmp_path):
    own = OwnPostgres(tmp_path / "postgres")
    await own.start()
    own.server.ensure_database("experiments")
    yield own
    await own.stop()


@pytest.fixture
async def on_it(own_postgres, litellm):
    """A replica on that server, which keeps no history."""
    url = own_postgres.server.url("experiments")
    async with running(litellm, url, {"history": "off"}) as service:
        assert (await service.put()).status_code == 201
        yield service


async def test_without_its_database_an_experiment_refuses_and_other_models_are_served(
    own_postgres, on_it, litellm
):
    assert (await on_it.chat("ada")).status_code == 200
    own_postgres.kill()
    litellm.calls.clear()
    began = time.monotonic()
    for answer in await asyncio.gather(*(on_it.chat(f"user-{n}") for n in range(20))):
        assert answer.status_code == 503 and answer.headers["retry-after"]
    assert (await on_it.converse("ada")).status_code == 503
    assert not litellm.calls and time.monotonic() - began < 20
    assert (await on_it.chat("ada", model=MODEL)).status_code == 200
    await own_postgres.start()
    while (await on_it.chat("ada")).status_code != 200:
        await asyncio.sleep(0.1)
    rows = await on_it.outcomes()
    assert [row["status"] for row in rows] == [200] * len(rows)


async def test_an_outcome_waits_for_a_database_that_comes_back(own_postgres, on_it, litellm):
    litellm.slow = dict.fromkeys((MODEL, "a-bedrock-model"), 1.0)
    calling = asyncio.create_task(on_it.chat("ada"))
    await asyncio.sleep(0.4)
    own_postgres.kill()
    assert (await calling).status_code == 200
    await asyncio.sleep(0.5)
    await own_postgres.start()
    (row,) = await on_it.outcomes()
    assert row["status"] == 200
