"""Budgets and experiments: what is held and booked is the arm's, and a shadow needs room."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from .conftest import bearer
from .litellm import MASTER, MODEL, OTHER


async def start(world, name, **routing):
    document = {
        "routing": {
            "name": name,
            "arms": [
                {"name": "control", "model": MODEL, "weight": 1e-9},
                {"name": "treatment", "model": OTHER},
            ],
            "layer": name,
            **routing,
        }
    }
    path = f"/experiments/{name}"
    answer = await world.http.put(path, json=document, headers=bearer(MASTER))
    assert answer.status_code == 201, answer.text


async def outcomes(world, name):
    while True:
        path = f"/experiments/{name}/outcomes"
        answer = await world.http.get(path, headers=bearer(MASTER))
        rows = [httpx.Response(200, content=line).json() for line in answer.text.splitlines()]
        if all(row["ended"] for row in rows):
            return rows
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_arms_model_is_held_and_booked(world, streamed):
    name = f"held-{streamed}".lower()
    await start(world, name)
    key = await world.user(budgets={OTHER: 5})
    answer = await world.chat(key, "say 3", model=f"experiment/{name}", stream=streamed)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-experiment-arm"] == "treatment" and '"usage"' not in (
        answer.text if streamed else ""
    )
    spent = await world.settled()
    assert spent == pytest.approx((await world.truth())["spent"][OTHER]) and spent > 0
    (row,) = await outcomes(world, name)
    assert row["cost_usd"] == pytest.approx(spent)


async def test_a_call_whose_arm_has_no_budget_left_is_refused(world):
    await start(world, "full")
    key = await world.user(budgets={OTHER: 0.05, MODEL: 100})
    answer = await world.chat(key, model="experiment/full", max_tokens=50)
    assert answer.status_code == 429 and answer.json()["error"]["code"] == "budget_exceeded"
    assert answer.headers["x-experiment-arm"] == "treatment"
    assert (await world.truth())["calls"] == 0
    (row,) = await outcomes(world, "full")
    assert (row["status"], row["failed"]) == (429, True)


async def test_a_shadow_without_room_is_not_made(world):
    await start(world, "shadow", mode="shadow")
    key = await world.user(budgets={OTHER: 0.05, MODEL: 100})
    for _ in range(3):
        answer = await world.chat(key, "say 2", model="experiment/shadow", max_tokens=50)
        assert answer.status_code == 200, answer.text
    await world.settled()
    await asyncio.sleep(0.3)
    rows = await outcomes(world, "shadow")
    assert [row["role"] for row in rows] == ["answer"] * 3
    assert (await world.truth())["calls"] == 3


def arms_of(control: int, treatment: int):
    """Two arms of one model, and so of one budget, whose answers may have so many tokens."""
    return [
        {"name": "control", "model": MODEL, "parameters": {"max_tokens": control}},
        {"name": "treatment", "model": MODEL, "parameters": {"max_tokens": treatment}},
    ]


@pytest.mark.parametrize("kept", [False, True])
async def test_a_shadow_takes_nothing_of_what_its_answer_needs(world, kept):
    name = f"room-for-one-{kept}".lower()
    await start(world, name, mode="shadow", arms=arms_of(20, 20))
    for _ in range(3):
        key = await world.user(budgets={MODEL: 0.5})
        answer = await world.chat(
            key, "say 20", model=f"experiment/{name}", enable_history=kept or None
        )
        assert answer.status_code == 200, answer.text
    await world.settled()
    rows = await outcomes(world, name)
    assert [row["role"] for row in rows] == ["answer"] * 3
    assert (await world.truth())["calls"] == 3


async def test_where_the_answer_is_refused_there_is_no_shadow_though_it_would_fit(world):
    await start(world, "too-large", mode="shadow", arms=arms_of(90, 1))
    key = await world.user(budgets={MODEL: 0.5})
    for path, body in (
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "say 1"}]}),
        (
            "/bedrock/model/experiment%2Ftoo-large/converse",
            {"messages": [{"role": "user", "content": [{"text": "say 1"}]}]},
        ),
    ):
        if "chat" in path:
            body["model"] = "experiment/too-large"
        answer = await world.http.post(path, json=body, headers=bearer(key))
        assert answer.status_code == 429, answer.text
    # one that is made in the end tells that those before it were not
    richer = await world.user(budgets={MODEL: 100})
    assert (await world.chat(richer, model="experiment/too-large")).status_code == 200
    while len(rows := await outcomes(world, "too-large")) < 4:
        await asyncio.sleep(0.02)
    assert [row["role"] for row in rows] == ["answer"] * 3 + ["shadow"]
    await world.settled()
    assert (await world.truth())["calls"] == 2
