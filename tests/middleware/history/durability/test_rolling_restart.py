"""Replicas that are asked to stop and started again, one after the other, as a deployment does it."""

from __future__ import annotations

import asyncio

from tests.conftest import wait_until

from .client import KINDS
from .kept import Kept

STREAMS = 100


async def test_a_rolling_restart_loses_none_of_a_hundred_open_streams_and_refuses_nobody(
    client, model, replicas, postgres_url
):
    """Each replica in turn: its streams go on to their end, while the other one takes what is new."""
    outcomes = []
    for old, other in (replicas, replicas[::-1]):
        model.tell(hold=1)
        kinds = ("chat stream", "converse stream")
        streams = [
            asyncio.create_task(
                client.ask(f"question {n} at {old.url}", url=old.url, kind=kinds[n % 2])
            )
            for n in range(STREAMS)
        ]
        await asyncio.to_thread(wait_until, lambda: model.tell() == STREAMS, 60)
        old.terminate()
        await asyncio.to_thread(wait_until, lambda old=old: not old.listens(), 60)
        new = [
            asyncio.create_task(
                client.ask(f"new {n} beside {old.url}", url=other.url, kind=KINDS[n % 4])
            )
            for n in range(20)
        ]
        await asyncio.to_thread(wait_until, lambda: model.tell() == STREAMS + 20, 60)
        assert not any(one.done() for one in streams) and not old.has_ended()
        model.tell(hold=0)
        outcomes += await asyncio.gather(*streams, *new)
        await asyncio.to_thread(wait_until, old.has_ended, 60)
        await asyncio.to_thread(old.start)
    assert [one for one in outcomes if one.answer is None] == []
    kept = await Kept.of(postgres_url)
    assert len(kept.rows) == 2 * (STREAMS + 20)
    kept.has_all_of(outcomes)
    kept.is_what_was_said(model.calls())
