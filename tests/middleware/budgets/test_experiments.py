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
