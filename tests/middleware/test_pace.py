"""How long a body is waited for, on a loop whose time passes as the test says."""

from __future__ import annotations

import asyncio

import pytest

from middleware.errors import RequestTimeout
from middleware.pace import SLOWEST, Paced
from tests.middleware.admission.calls import Clock


@pytest.fixture
def loop():
    made = Clock()
    yield made
    made.close()


def sending(pieces: int, size: int, pause: float) -> Paced:
    """A caller who makes a pause before each piece."""
    left = iter(range(pieces - 1, -1, -1))

    async def receive():
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": b"x" * size, "more_body": next(left) > 0}

    return Paced(receive, 60.0)


async def read(paced: Paced, *, after: float = 0.0) -> int:
    size, more = 0, True
    while more:
        message = await paced()
        size, more = size + len(message["body"]), message["more_body"]
        await asyncio.sleep(after)
    return size


def test_a_byte_now_and_then_is_not_waited_for_for_ever(loop):
    with pytest.raises(RequestTimeout):
        loop.do(read(sending(10**6, 1, pause=59.0)))
    assert loop.now - 1000 == pytest.approx(60, abs=0.1)


def test_a_large_body_has_its_time(loop):
    assert loop.do(read(sending(50, 59 * SLOWEST, pause=59.0))) == 50 * 59 * SLOWEST


def test_one_pause_has_its_own_end_however_much_has_come(loop):
    with pytest.raises(RequestTimeout):
        loop.do(read(sending(2, 1000 * SLOWEST, pause=61.0)))


def test_time_in_which_nobody_asks_is_not_the_callers(loop):
    assert loop.do(read(sending(50, 1, pause=1.0), after=100.0)) == 50
