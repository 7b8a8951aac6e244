"""Shadow mode: the control answers, the treatment is called beside it and recorded."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.middleware.conftest import eventually
from tests.middleware.history.litellm import BEDROCK_MODEL, MODEL

from .conftest import NAME, file


@pytest.fixture
async def shadowed(start):
    service = await start(shadow_calls=2)
    assert (await service.put(file(mode="shadow"))).status_code == 201
    return service


def paired(rows):
    """The rows of each call: those that answer, and those beside them."""
    pairs = {}
    for row in rows:
        pairs.setdefault(row["pair"], {})[row["role"]] = row
    return pairs


@pytest.mark.parametrize("streamed", [False, True])
async def test_both_are_recorded_and_the_control_answers(shadowed, litellm, streamed):
    for user in ("ada", "bob"):
        answer = await shadowed.chat(user, stream=streamed)
        assert answer.headers["x-experiment-arm"] == "control"
        await eventually(lambda: len(litellm.calls) % 2 == 0)
        action = "converse-stream" if streamed else "converse"
        answer = await shadowed.converse(user, action=action)
        assert answer.headers["x-experiment-arm"] == "control"
        await eventually(lambda: len(litellm.calls) % 2 == 0)
    rows = await shadowed.outcomes()
    pairs = paired(rows)
    assert len(rows) == 8 and len(pairs) == 4
    for request_id, pair in pairs.items():
        assert pair["answer"]["request_id"] == request_id
        assert (pair["answer"]["arm"], pair["shadow"]["arm"]) == ("control", "treatment")
        assert pair["answer"]["unit"] == pair["shadow"]["unit"]
        for row in pair.values():
            assert row["output_tokens"] == 7 and row["cost_usd"] > 0 and not row["failed"]
            assert (row["ttft_ms"] is not None) == streamed
    assert sorted(litellm.models()) == sorted([MODEL, BEDROCK_MODEL] * 4)


async def test_a_request_id_that_is_used_again_pairs_the_right_calls(shadowed, litellm):
    for count in (2, 4):
        await shadowed.chat("ada", headers={"x-request-id": "mine"})
        await eventually(lambda count=count: len(litellm.calls) == count)
    pairs = paired(await shadowed.outcomes())
    assert len(pairs) == 2 and all(len(pair) == 2 for pair in pairs.values())


async def test_a_slow_shadow_delays_nobody_and_there_are_only_so_many(shadowed, litellm):
    litellm.slow[BEDROCK_MODEL] = 2.0
    began = time.monotonic()
    for _ in range(6):
        assert (await shadowed.chat("ada")).status_code == 200
    assert time.monotonic() - began < 2.0
    rows = await shadowed.outcomes()
    assert [row["role"] for row in rows].count("shadow") == 2
    assert [row["role"] for row in rows].count("answer") == 6


async def test_a_caller_who_leaves_does_not_take_the_shadow_with_him(shadowed, litellm):
    litellm.slow = {MODEL: 2.0, BEDROCK_MODEL: 0.5}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await shadowed.chat("ada")
    pair = next(iter(paired(await shadowed.outcomes()).values()))
    assert (pair["answer"]["status"], pair["answer"]["failed"]) == (499, False)
    assert (pair["shadow"]["status"], pair["shadow"]["failed"]) == (200, False)


async def test_a_shadow_that_fails_is_nothing_to_the_caller(shadowed, litellm):
    litellm.fails_for = BEDROCK_MODEL
    answer = await shadowed.chat("ada")
    assert answer.status_code == 200
    await eventually(lambda: len(litellm.calls) == 2)
    pair = next(iter(paired(await shadowed.outcomes()).values()))
    assert (pair["shadow"]["status"], pair["shadow"]["failed"]) == (500, True)


async def test_a_shadow_sees_the_conversation_and_is_no_turn_of_it(shadowed, litellm):
    session = (await shadowed.chat(enable_history=True)).json()["session_id"]
    await eventually(lambda: len(litellm.calls) == 2)
    await shadowed.outcomes()
    litellm.calls.clear()
    litellm.slow[MODEL] = 0.2
    await shadowed.chat(session_id=session)
    more = {"additionalModelRequestFields": {"session_id": session}}
    await shadowed.converse(**more)
    await eventually(lambda: len(litellm.calls) == 4)
    await shadowed.outcomes()
    seen = {MODEL: [], BEDROCK_MODEL: []}
    for _, body in litellm.calls:
        seen[body["model"]].append([each["role"] for each in body["messages"]])
    expected = [["user", "assistant", "user"], ["user", "assistant"] * 2 + ["user"]]
    assert seen == {MODEL: expected, BEDROCK_MODEL: expected}
    answer = await shadowed.post("/chat-history", {"session_id": session}, key="sk-of-ada")
    assert len(answer.json()["turns"]) == 3
    assert (await shadowed.get(f"/experiments/{NAME}")).json()["state"] == "running"
