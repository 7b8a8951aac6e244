"""Many callers, several replicas, and everything that may break: never is more spent than there is.

What is held goes back to nothing by itself, and what was spent is known to the last call.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import httpx
import pytest

from .conftest import World, bearer
from .litellm import MODEL

CALLERS = 64
TEXTS = ("say 1", "say 5", "say 9 wait 0.3", "no header say 3", "please fail", "say 8 wait 2")


class Crowd:
    """Callers of one user, who call in every way that there is, and some of whom leave."""

    def __init__(self, world: World, key: str, seed: int) -> None:
        self.world = world
        self.key = key
        self.random = random.Random(seed)
        self.answered: list[int] = []
        self.until = asyncio.Event()

    async def run(self, calls: int) -> None:
        async with asyncio.TaskGroup() as callers:
            for _ in range(CALLERS):
                callers.create_task(self._caller(calls))

    async def _caller(self, calls: int) -> None:
        for _ in range(calls):
            if self.until.is_set():
                return
            client = self.random.choice(self.world.clients)
            try:
                self.answered.append(await self._call(client))
            except httpx.HTTPError:
                self.answered.append(0)
            await asyncio.sleep(self.random.random() * 0.05)

    async def _call(self, client: httpx.AsyncClient) -> int:
        text, leaves = self.random.choice(TEXTS), self.random.random() < 0.15
        timeout = httpx.Timeout(30, read=0.2) if leaves else 30
        path, body = self._request(text)
        if body.get("stream") and leaves:
            return await self._cut(client, path, body)
        answer = await client.post(path, json=body, headers=bearer(self.key), timeout=timeout)
        return answer.status_code

    async def _cut(self, client: httpx.AsyncClient, path: str, body) -> int:
        """Read two pieces and leave."""
        async with client.stream("POST", path, json=body, headers=bearer(self.key)) as stream:
            pieces = stream.aiter_bytes()
            for _ in range(2):
                await anext(pieces, b"")
            return stream.status_code

    def _request(self, text: str) -> tuple[str, dict]:
        message = {"role": "user", "content": text}
        body = {"model": MODEL, "max_tokens": 20, "messages": [message]}
        converse = {
            "messages": [{"role": "user", "content": [{"text": text}]}],
            "inferenceConfig": {"maxTokens": 20},
        }
        kept = {**body, "enable_history": True}
        return self.random.choice(
            [
                ("/v1/chat/completions", body),
                ("/v1/chat/completions", kept),
                ("/v1/chat/completions", {**body, "stream": True}),
                ("/v1/chat/completions", {**kept, "stream": True}),
                ("/v1/messages", {**body, "stream": True}),
                ("/v1/messages", body),
                (f"/bedrock/model/{MODEL}/converse", converse),
                (f"/bedrock/model/{MODEL}/converse-stream", converse),
            ]
        )


async def watch(world: World, cap: float, until: asyncio.Event) -> float:
    """The most that was ever spent and held together, as the database has it."""
    most = 0.0
    while not until.is_set():
        rows = await world.rows(
            "SELECT (SELECT coalesce(sum(amount), 0) FROM budget_bookings)"
            " + (SELECT coalesce(sum(amount), 0) FROM budget_reservations)"
        )
        most = max(most, float(rows[0][0]) / 1e9)
        assert most <= cap + 1e-9
        await asyncio.sleep(0.1)
    return most


async def in_the_end(world: World, cap: float) -> float:
    """What holds once all is over."""
    spent = await world.settled()
    truth = (await world.truth())["spent"][MODEL]
    assert truth - 1e-6 <= spent <= cap + 1e-9
    await asyncio.sleep(1)
    for copy in await world.copies():
        assert int(copy["reserved"]) == 0
        assert not [name for name in copy if name.startswith("call:")]
    return spent


@pytest.fixture(scope="module")
async def pair(make) -> AsyncIterator[World]:
    world = make(2)
    yield world
    await world.close()


async def race(world: World, cap: float, seed: int, calls: int, disturb=None) -> Crowd:
    await world.fresh()
    key = await world.user(budgets={MODEL: cap})
    crowd, over = Crowd(world, key, seed), asyncio.Event()
    watching = asyncio.create_task(watch(world, cap, over))
    disturbing = asyncio.create_task(disturb(crowd)) if disturb else None
    await crowd.run(calls)
    if disturbing:
        await disturbing
    over.set()
    await watching
    return crowd


async def test_many_callers_on_two_replicas_spend_no_more_than_there_is(pair):
    crowd = await race(pair, 6.0, 1, 8)
    spent = await in_the_end(pair, 6.0)
    assert {200, 429} <= set(crowd.answered) and spent > 3.0


async def test_a_replica_that_is_killed_leaves_nothing_held(pair):
    async def kill(crowd: Crowd) -> None:
        await asyncio.sleep(1.5)
        client = pair.clients[1]
        pair.kill("replica-1")
        pair.clients.remove(client)
        await asyncio.sleep(2)
        pair.start_replica("replica-1")

    crowd = await race(pair, 12.0, 2, 8, kill)
    await in_the_end(pair, 12.0)
    assert {0, 200} <= set(crowd.answered)
    (count,) = await pair.rows("SELECT count(*) FROM budget_replicas")
    assert count[0] <= 3


async def test_redis_that_loses_everything_in_the_middle_costs_nothing(pair):
    async def lose(crowd: Crowd) -> None:
        for _ in range(3):
            await asyncio.sleep(1.2)
            pair.kill("redis")
            await asyncio.sleep(0.3)
            pair.start_redis()

    crowd = await race(pair, 12.0, 3, 10, lose)
    await in_the_end(pair, 12.0)
    assert {200, 503} <= set(crowd.answered)
