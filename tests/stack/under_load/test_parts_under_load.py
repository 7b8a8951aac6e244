"""Parts of a whole gateway that are killed or stand still while people talk to it on every way in."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import psutil
import pytest

from gateway_lib.local.client import status
from gateway_lib.local.http import answers

from .talking import Talk, Turn, reached, talking

PEOPLE = 6
SECONDS = 3.0
PARTS = ("litellm", "postgres", "redis", "simulator")


def component(stack, name: str) -> dict:
    (found,) = (one for one in status(stack.state)["components"] if one["name"] == name)
    return found


def family(stack, name: str) -> list[psutil.Process]:
    parent = psutil.Process(component(stack, name)["pid"])
    return [parent, *parent.children(recursive=True)]


def explained(turn: Turn) -> bool:
    """Whether a failure is one that its caller can act upon: an error in his protocol, or a broken stream."""
    seen = turn.seen
    if seen is None:
        return False
    if seen.status == 200:
        return seen.broke or bool(seen.error)
    if seen.status == 503 and seen.error in ("upstream_unavailable", "database_unavailable"):
        return seen.headers.get("retry-after") == "1"
    return seen.status in (408, 424, 429, 500, 502, 503, 504) and bool(seen.error)


async def stands_still(stack, talk: Talk, name: str) -> None:
    async with talking(talk, PEOPLE):
        stopped = family(stack, name)
        for one in stopped:
            one.suspend()
        try:
            await asyncio.sleep(SECONDS)
        finally:
            for one in stopped:
                one.resume()
        back = time.monotonic()
        await reached(lambda: talk.answered_since(back) > 10 * PEOPLE)
    assert [str(turn) for turn in talk.failed] == []
    await talk.lost_nothing()


@pytest.mark.parametrize("name", ["litellm", "simulator"])
async def test_a_part_that_stands_still_for_three_seconds_costs_time_and_nothing_else(
    stack, talk, name
):
    await stands_still(stack, talk, name)


@pytest.mark.faults
@pytest.mark.parametrize("name", ["postgres", "redis"])
async def test_a_store_that_stands_still_for_three_seconds_costs_time_and_nothing_else(
    stack, talk, name
):
    await stands_still(stack, talk, name)


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PARTS)
async def test_a_part_that_is_killed_and_comes_back_takes_no_answered_turn_with_it(
    stack, talk, name
):
    async with talking(talk, PEOPLE):
        before = component(stack, name)
        os.kill(before["pid"], signal.SIGKILL)

        def is_back() -> bool:
            now = component(stack, name)
            return now["pid"] not in (before["pid"], None) and now["status"] == "ready"

        while not await asyncio.to_thread(is_back):
            await asyncio.sleep(0.2)
        while not await asyncio.to_thread(answers, f"{stack.base_url}/readyz"):
            await asyncio.sleep(0.2)
        back = time.monotonic()
        await reached(lambda: talk.answered_since(back) > 20 * PEOPLE, seconds=240)
    assert [str(turn) for turn in talk.failed if not explained(turn)] == []
    if name == "redis":
        assert [str(turn) for turn in talk.failed] == []
    recovered = [turn for turn in talk.failed if turn.sent > back + 30]
    assert [str(turn) for turn in recovered] == [], "failures long after the part was back"
    await talk.lost_nothing()
