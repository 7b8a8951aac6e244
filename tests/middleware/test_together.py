import asyncio
from contextvars import ContextVar

import pytest

from middleware.together import Together


async def test_what_comes_meanwhile_goes_together_and_in_order():
    batches = []
    free = asyncio.Event()

    async def work(items):
        batches.append(list(items))
        await free.wait()
        return [item * 10 for item in items]

    together = Together(work, most=4)
    calls = [asyncio.create_task(together.do(n)) for n in range(7)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    late = asyncio.create_task(together.do(7))
    await asyncio.sleep(0)
    free.set()
    assert await asyncio.gather(*calls, late) == [n * 10 for n in range(8)]
    assert batches == [[0, 1, 2, 3], [4, 5, 6, 7]]


async def test_alone_it_waits_for_nobody():
    async def work(items):
        return items

    together = Together(work)
    assert await together.do("a") == "a"
    assert await together.do("b") == "b"


async def test_one_that_spoils_a_batch_fails_alone():
    async def work(items):
        if 2 in items:
            raise ValueError("two")
        return items

    together = Together(work)
    results = await asyncio.gather(*(together.do(n) for n in range(4)), return_exceptions=True)
    assert results[:2] == [0, 1] and results[3] == 3
    assert isinstance(results[2], ValueError)


async def test_who_leaves_does_not_take_his_item_back():
    seen = []

    async def work(items):
        await asyncio.sleep(0.01)
        seen.extend(items)
        return items

    together = Together(work)
    leaving = asyncio.create_task(together.do(1))
    staying = asyncio.create_task(together.do(2))
    await asyncio.sleep(0.001)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await staying == 2
    assert seen == [1, 2]


async def test_what_is_done_together_does_not_belong_to_who_came_first():
    whose = ContextVar("whose", default="nobody's")

    async def work(items):
        return [whose.get() for _ in items]

    whose.set("the first one's")
    assert await Together(work).do("a") == "nobody's"
