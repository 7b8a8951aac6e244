"""Callers that leave, on servers of every kind: what `receive` waits for differs between them."""

from __future__ import annotations

import asyncio

import pytest

from middleware.caller import Caller
from middleware.errors import CallerGone


class Server:
    """Gives the body, then `idle` messages, then says that the caller has left."""

    def __init__(self, wait, idle: int = 0) -> None:
        self._wait = wait
        self._left = [{"type": "http.request", "body": b"{}", "more_body": False}]
        self._left += [{"type": "http.request", "body": b""}] * idle + [{"type": "http.disconnect"}]
        self.cancelled = False

    async def receive(self):
        if self._left[0].get("body") != b"{}":
            try:
                await self._wait()
            except (asyncio.CancelledError, GeneratorExit):
                self.cancelled = True
                raise
        return self._left.pop(0)


async def by_future():
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.01, future.set_result, None)
    await future


async def by_yielding():
    for _ in range(20):
        await asyncio.sleep(0)


class Foreign:
    """A future that is not asyncio's, as servers in other languages have."""

    _asyncio_future_blocking = True

    def __init__(self) -> None:
        self._inner = asyncio.ensure_future(asyncio.sleep(0.01))

    def get_loop(self):
        return self._inner.get_loop()

    def add_done_callback(self, callback, *, context):
        self._inner.add_done_callback(callback, context=context)

    def cancel(self, msg=None):
        return self._inner.cancel(msg)

    def result(self):
        return self._inner.result()

    def __await__(self):
        yield self


async def by_foreign_future():
    await Foreign()


async def at_once():
    return


WAYS = [by_future, by_yielding, by_foreign_future, at_once]


@pytest.mark.parametrize("idle", [0, 2])
@pytest.mark.parametrize("wait", WAYS)
async def test_a_caller_that_leaves_ends_the_work(wait, idle):
    caller = Caller(Server(wait, idle).receive)
    await caller.body()
    with pytest.raises(CallerGone), caller.watched():
        await asyncio.sleep(5)
    await asyncio.sleep(0)  # nothing is left over that would cancel what comes next


@pytest.mark.parametrize("wait", [by_future, by_yielding, by_foreign_future])
async def test_work_that_ends_first_is_not_disturbed_later(wait):
    server = Server(wait)
    caller = Caller(server.receive)
    await caller.body()
    with caller.watched():
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    assert server.cancelled


async def test_a_caller_that_leaves_just_as_the_work_ends_disturbs_nothing(caplog):
    future = asyncio.get_running_loop().create_future()

    async def wait():
        await future

    caller = Caller(Server(wait).receive)
    await caller.body()
    with caller.watched():
        await asyncio.sleep(0)
        future.set_result(None)  # as a server does when the response is complete
    await asyncio.sleep(0.01)
    assert not caplog.records


async def test_a_failure_of_the_work_is_its_own():
    caller = Caller(Server(by_future).receive)
    await caller.body()
    with pytest.raises(ZeroDivisionError), caller.watched():
        await asyncio.sleep(0)
        raise ZeroDivisionError


async def test_a_cancellation_from_elsewhere_stays_one():
    async def work() -> None:
        caller = Caller(Server(asyncio.Event().wait).receive)
        await caller.body()
        with caller.watched():
            await asyncio.sleep(5)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_watches_before_the_body_is_asked_for_notices_it_too():
    caller = Caller(Server(by_future).receive)
    with pytest.raises(CallerGone), caller.watched():
        await caller.body()
        await asyncio.sleep(5)


async def test_watching_begins_when_the_body_has_been_read():
    messages = [
        {"type": "http.request", "body": b"1", "more_body": True},
        {"type": "http.request", "body": b"2", "more_body": False},
    ]
    left = asyncio.Event()

    async def receive():
        if messages:
            await asyncio.sleep(0.01)
            return messages.pop(0)
        await left.wait()
        return {"type": "http.disconnect"}

    caller = Caller(receive)
    body = await caller.body()
    with pytest.raises(CallerGone), caller.watched():
        assert [piece async for piece in body] == [b"1", b"2"]
        left.set()
        await asyncio.sleep(5)
