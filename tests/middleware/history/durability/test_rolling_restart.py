"""A replica that is asked to stop, as a deployment does with one after the other."""

from __future__ import annotations

import asyncio

from tests.conftest import wait_until

from .kept import Kept


async def test_streams_that_are_open_go_on_to_their_end_and_are_kept(
    client, model, replicas, postgres_url
):
    old = replicas[0]
    model.tell(hold=1)
    kinds = ("chat stream", "converse stream")
    streams = [
        asyncio.create_task(client.ask(f"question {n}", url=old.url, kind=kinds[n % 2]))
        for n in range(50)
    ]
    await asyncio.to_thread(wait_until, lambda: model.tell() == 50)
    old.terminate()
    await asyncio.to_thread(wait_until, lambda: not old.listens())
    assert not any(one.done() for one in streams)
    model.tell(hold=0)
    outcomes = await asyncio.gather(*streams)
    assert [one for one in outcomes if one.answer is None] == []
    await asyncio.to_thread(wait_until, old.has_ended)
    kept = await Kept.of(postgres_url)
    assert len(kept.rows) == 50
    kept.has_all_of(outcomes)
    kept.is_what_was_said(model.calls())
