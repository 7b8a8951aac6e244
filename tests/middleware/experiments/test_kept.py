"""Experiments and conversations: turns are kept as ever, and a conversation may be the unit."""

from __future__ import annotations

import pytest

from tests.middleware.history.litellm import BEDROCK_MODEL, MODEL

from .conftest import BOB, NAME, file

ARMS = [
    {"name": "control", "model": MODEL, "weight": 1e-9},
    {"name": "treatment", "model": MODEL, "system": "be brief"},
]


async def history(service, session, key="sk-of-ada"):
    answer = await service.post("/chat-history", {"session_id": session}, key=key)
    return answer.json()["messages"]


async def begin(service, interface, streamed):
    """The answer that opens a conversation."""
    if interface == "openai":
        return await service.chat("ada", enable_history=True, stream=streamed)
    action = "converse-stream" if streamed else "converse"
    more = {"additionalModelRequestFields": {"enable_history": True}}
    return await service.converse("ada", action=action, **more)


async def go_on(service, interface, streamed, session):
    if interface == "openai":
        return await service.chat("ada", session_id=session, stream=streamed)
    action = "converse-stream" if streamed else "converse"
    more = {"additionalModelRequestFields": {"session_id": session}}
    return await service.converse("ada", action=action, **more)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("interface", ["openai", "bedrock"])
async def test_an_instruction_is_seen_in_every_turn_and_kept_in_none(
    start, litellm, interface, streamed
):
    service = await start()
    await service.put(file(arms=ARMS))
    first = await begin(service, interface, streamed)
    assert first.status_code == 200 and first.headers["x-experiment-arm"] == "treatment"
    session = first.headers["x-session-id"]
    second = await go_on(service, interface, streamed, session)
    assert second.status_code == 200
    seen = litellm.calls[-1][1]["messages"]
    assert [each["role"] for each in seen] == ["system", "user", "assistant", "user"]
    kept = await history(service, session)
    assert [each["role"] for each in kept] == ["user", "assistant", "user", "assistant"]
    rows = await service.outcomes()
    assert [(row["output_tokens"], row["failed"]) for row in rows] == [(7, False)] * 2
    assert '"usage"' not in second.text or interface == "bedrock" or not streamed


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("interface", ["openai", "bedrock"])
async def test_a_conversation_keeps_its_arm_from_its_first_turn_on(start, interface, streamed):
    service = await start()
    await service.put(file(unit="session"))
    arms = set()
    for _ in range(16):  # of which all are in one arm once in 30,000 runs
        first = await begin(service, interface, streamed)
        session = first.headers["x-session-id"]
        turns = [await go_on(service, interface, streamed, session) for _ in range(2)]
        (arm,) = {answer.headers["x-experiment-arm"] for answer in (first, *turns)}
        assert {answer.headers["x-session-id"] for answer in turns} == {session}
        arms.add(arm)
    assert arms == {"control", "treatment"}
    rows = await service.outcomes()
    assert len(rows) == 48 and len({row["unit"] for row in rows}) == 16


async def test_a_conversation_that_begins_outside_stays_outside(start):
    service = await start()
    await service.put(file(unit="session", ramp=[0.5]))
    began_outside = 0
    for _ in range(24):
        first = await begin(service, "openai", False)
        second = await go_on(service, "openai", False, first.headers["x-session-id"])
        assert second.headers.get("x-experiment-arm") == first.headers.get("x-experiment-arm")
        began_outside += "x-experiment-arm" not in first.headers
    assert 0 < began_outside < 24


async def test_a_call_that_is_not_kept_has_no_conversation_to_be_assigned_by(start, litellm):
    service = await start()
    await service.put(file(unit="session"))
    answer = await service.chat("ada")
    assert answer.status_code == 400 and "enable_history" in answer.json()["error"]["message"]
    answer = await service.converse("ada")
    assert answer.status_code == 400
    assert not litellm.calls and not await service.outcomes()


async def test_somebody_elses_conversation_leaves_no_trace(start, litellm):
    service = await start()
    await service.put(file(unit="session"))
    session = (await service.chat(enable_history=True)).json()["session_id"]
    litellm.calls.clear()
    answer = await service.chat(key=BOB, session_id=session)
    assert answer.status_code == 404 and not litellm.calls
    assert len(await service.outcomes()) == 1
    assert (await service.chat(session_id="no uuid")).status_code == 404


@pytest.mark.parametrize("unit", ["key", "request"])
async def test_keys_and_single_calls_as_units(start, litellm, unit):
    service = await start()
    await service.put(file(unit=unit))
    for _ in range(12):
        await service.chat("somebody")
        await service.converse("somebody else")
    rows = await service.outcomes()
    assert len({row["unit"] for row in rows}) == (1 if unit == "key" else 24)
    assert len({row["arm"] for row in rows}) == (1 if unit == "key" else 2)
    assert set(litellm.models()) <= {MODEL, BEDROCK_MODEL}
    assert (await service.get(f"/experiments/{NAME}")).json()["state"] == "running"
