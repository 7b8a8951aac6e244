"""Very many turns at a time, through two replicas."""

from __future__ import annotations

import asyncio
import time

import pytest

from .kept import Kept


async def test_a_thousand_turns_at_a_time_of_one_session_are_kept_in_order_and_see_whole_turns_only(
    client, model, postgres_url
):
    opened = await client.ask("the first")
    model.tell(seconds=2)
    together = await asyncio.gather(
        *(client.insist(f"question {n}", opened.session) for n in range(1000))
    )
    last = await client.ask("the last", opened.session)
    outcomes = [opened, *(one for attempts in together for one in attempts), last]
    assert max(attempts[0].sent for attempts in together) < min(one.ended for one in outcomes[1:])
    refused = [one for one in outcomes if one.answer is None]
    assert {(one.status, one.retry_after) for one in refused} <= {(503, "1")}
    calls, kept = model.calls(), await Kept.of(postgres_url)
    assert len([row for row in kept.rows if row.complete]) == 1002 and len(kept.sessions) == 1
    assert all(row.answer.endswith(f" to {row.question}") for row in kept.rows if row.complete)
    kept.has_all_of(outcomes)
    kept.is_what_was_said(calls)
    kept.is_what_was_shown(calls, outcomes)
    await kept.is_what_is_read(client)
    assert calls["the last"]["seen"] == [row.question for row in kept.rows[:-1] if row.answer]
    assert len({len(call["seen"]) for call in calls.values()}) > 10, "they did not overlap"


@pytest.mark.parametrize("turns", [4, pytest.param(20, marks=pytest.mark.faults)])
async def test_five_hundred_sessions_at_a_time_know_nothing_of_each_other(
    client, model, postgres_url, capsys, turns
):
    async def talk(name: int) -> list:
        session, said = None, []
        for turn in range(turns):
            said.append(await client.ask(f"question {turn} of {name}", session))
            session = said[0].session
        return said

    began = time.monotonic()
    talks = await asyncio.gather(*map(talk, range(500)))
    seconds = time.monotonic() - began
    with capsys.disabled():
        print(f" {500 * turns / seconds:.0f} turns/s ", end="")
    outcomes = [one for said in talks for one in said]
    assert [one for one in outcomes if one.answer is None] == []
    calls, kept = model.calls(), await Kept.of(postgres_url)
    assert len(kept.rows) == 500 * turns and len(kept.sessions) == 500
    kept.has_all_of(outcomes)
    kept.is_what_was_said(calls)
    kept.is_what_was_shown(calls, outcomes)
    await kept.is_what_is_read(client)
    for said in talks:
        questions = [one.question for one in said]
        assert [row.question for row in kept.sessions[said[0].session]] == questions
        for turn, question in enumerate(questions):
            assert calls[question]["seen"] == questions[:turn]
