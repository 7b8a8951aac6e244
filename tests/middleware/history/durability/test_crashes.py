"""Parts that are killed or stand still in the middle of a load, and what is left of the conversations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import pytest

from .client import KINDS, Outcome
from .kept import Kept
from .load import Load, load


async def intact(client, model, url: str, running: Load) -> None:
    """Nothing that a caller was told is lost, nothing is there twice, and nothing is half a turn."""
    calls, kept = model.calls(), await Kept.of(url)
    kept.has_all_of(running.outcomes)
    kept.is_what_was_said(calls)
    kept.is_what_was_shown(calls, running.outcomes)
    await kept.is_what_is_read(client)


def refused_politely(outcomes: Iterable[Outcome]) -> None:
    """Whoever got no answer was told to try again, or lost a stream that had begun."""
    for one in outcomes:
        assert one.status == 200 or (one.status, one.retry_after) == (503, "1")


async def test_a_killed_replica_takes_no_answered_turn_with_it(
    client, model, replicas, postgres_url
):
    model.tell(seconds=0.3)
    async with load(client, [server.url for server in replicas]) as running:
        await asyncio.to_thread(replicas[0].kill)
        killed = time.monotonic()
        await running.reaches(lambda: running.answered_since(killed) > 100)
        await asyncio.to_thread(replicas[0].start)
        await running.every_replica_answers(8)
    refused_politely(one for one in running.failed if one.status is not None)
    await intact(client, model, postgres_url, running)


async def test_a_killed_database_has_every_answered_turn_when_it_is_back(
    client, model, replicas, postgres, postgres_url
):
    model.tell(seconds=0.3)
    async with load(client, [server.url for server in replicas]) as running:
        await asyncio.to_thread(postgres.kill)
        new = [await client.ask(f"while it is away {n}", kind=KINDS[n % 4]) for n in range(8)]
        assert {(one.status, one.retry_after) for one in new} == {(503, "1")}
        await asyncio.sleep(1)
        await asyncio.to_thread(postgres.start)
        await running.every_replica_answers(8)
        back = time.monotonic()
        await running.reaches(lambda: running.answered_since(back) > 200)
    refused_politely(running.failed)
    await intact(client, model, postgres_url, running)


async def test_a_killed_redis_is_not_noticed(client, model, replicas, redis, postgres_url):
    model.tell(seconds=0.3)
    async with load(client, [server.url for server in replicas]) as running:
        await asyncio.to_thread(redis.kill)
        killed = time.monotonic()
        await running.reaches(lambda: running.answered_since(killed) > 200)
        await asyncio.to_thread(redis.start)
        await running.every_replica_answers(8)
    assert running.failed == []
    await intact(client, model, postgres_url, running)


@pytest.mark.parametrize("part", ["postgres", "redis"])
async def test_a_part_that_stands_still_for_three_seconds_loses_nothing(
    client, model, replicas, postgres, redis, postgres_url, part
):
    model.tell(seconds=0.3)
    async with load(client, [server.url for server in replicas]) as running:
        with {"postgres": postgres, "redis": redis}[part].paused():
            await asyncio.sleep(3)
        await running.every_replica_answers(8)
        back = time.monotonic()
        await running.reaches(lambda: running.answered_since(back) > 200)
    refused_politely(running.failed)
    assert part == "postgres" or running.failed == []
    await intact(client, model, postgres_url, running)
