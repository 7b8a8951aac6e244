"""How budgets are given, shown, kept and taken away: through LiteLLM's own endpoints."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from .conftest import World, bearer
from .litellm import MASTER, MODEL, OTHER


async def ask(world: World, method: str, path: str, key: str = MASTER, **options):
    return await world.http.request(method, path, headers=bearer(key), **options)


async def shown(world: World, user: str) -> dict:
    answer = await ask(world, "GET", "/user/info", params={"user_id": user})
    return answer.json()["user_info"]["model_max_budget"]


async def test_the_older_form_is_28_days_and_the_newer_says_its_own(world):
    row = await world.new_user(
        budgets={MODEL: 100, OTHER: {"budget_limit": 10, "time_period": "1mo"}}
    )
    told = row["model_max_budget"]
    assert told == await shown(world, row["user_id"])
    assert told[MODEL]["budget_limit"] == 100 and told[MODEL]["time_period"] == "28d"
    assert (
        told[OTHER]["time_period"] == "1mo" and told[OTHER]["spent"] == told[OTHER]["reserved"] == 0
    )
    resets = datetime.fromisoformat(told[MODEL]["resets_at"]) - datetime.now().astimezone()
    assert 27.9 < resets.total_seconds() / 86_400 < 28


async def test_what_is_shown_can_be_sent_back(world):
    row = await world.new_user(budgets={MODEL: 100})
    told = row["model_max_budget"]
    body = {"user_id": row["user_id"], "model_max_budget": told}
    again = await ask(world, "POST", "/user/update", json=body)
    assert again.status_code == 200 and again.json()["data"]["model_max_budget"] == told


async def test_an_update_counts_at_once_and_keeps_what_is_spent(world):
    row = await world.new_user(budgets={MODEL: 5})
    assert (await world.chat(row["key"], "say 4")).status_code == 200
    spent = (await shown(world, row["user_id"]))[MODEL]["spent"]
    body = {"user_id": row["user_id"], "model_max_budget": {MODEL: 0.01}}
    assert (await ask(world, "POST", "/user/update", json=body)).status_code == 200
    assert (await world.chat(row["key"])).status_code == 429
    assert (await shown(world, row["user_id"]))[MODEL]["spent"] == spent > 0
    await ask(world, "POST", "/user/update", json={**body, "model_max_budget": {}})
    assert (await world.chat(row["key"])).status_code == 200 and not await shown(
        world, row["user_id"]
    )
    await ask(world, "POST", "/user/update", json={**body, "model_max_budget": {MODEL: 5}})
    assert (await shown(world, row["user_id"]))[MODEL][
        "spent"
    ] == spent  # given again, not begun again


async def test_an_update_of_something_else_leaves_budgets_alone(world):
    row = await world.new_user(budgets={MODEL: 0.01})
    for more in ({}, {"model_max_budget": None}):
        body = {"user_id": row["user_id"], "user_alias": "x", **more}
        assert (await ask(world, "POST", "/user/update", json=body)).status_code == 200
    assert (await shown(world, row["user_id"]))[MODEL]["budget_limit"] == 0.01


async def test_a_key_keeps_its_budget_when_it_is_updated_and_regenerated(world):
    body = {"user_id": "holder", "model_max_budget": {MODEL: 0.5}}
    key = (await ask(world, "POST", "/key/generate", json=body)).json()["key"]
    assert (await world.chat(key, "say 9")).status_code == 200
    told = (await ask(world, "GET", "/key/info", params={"key": key})).json()["info"][
        "model_max_budget"
    ]
    assert told[MODEL]["spent"] > 0
    new = (await ask(world, "POST", "/key/regenerate", json={"key": key})).json()
    assert new["key"] != key and new["model_max_budget"] == told
    outcomes = [(await world.chat(new["key"], "say 9")).status_code for _ in range(5)]
    assert outcomes[-1] == 429
    update = {"key": new["key"], "model_max_budget": {MODEL: 50}}
    assert (await ask(world, "POST", "/key/update", json=update)).status_code == 200
    assert (await world.chat(new["key"])).status_code == 200


async def test_only_administrators_give_budgets(world):
    row = await world.new_user(budgets={MODEL: 0.01})
    for path, more in (
        ("/key/generate", {}),
        ("/user/new", {}),
        ("/key/update", {"key": row["key"]}),
        ("/user/update", {"user_id": row["user_id"]}),
    ):
        body = {**more, "model_max_budget": {MODEL: 1000}}
        answer = await ask(world, "POST", path, row["key"], json=body)
        assert answer.status_code == 403, answer.text
        raised = f'{{"\\u006dodel_max_budget": {{"{MODEL}": 9}}, "user_id": "{row["user_id"]}"}}'
        headers = {**bearer(row["key"]), "content-type": "application/json"}
        assert (await world.http.post(path, content=raised, headers=headers)).status_code == 403
    assert (await world.chat(row["key"])).status_code == 429


async def test_who_is_deleted_has_no_budgets_any_more(world):
    row = await world.new_user(budgets={MODEL: 0.01})
    await ask(world, "POST", "/user/delete", json={"user_ids": [row["user_id"]]})
    assert not await shown(world, row["user_id"])


@pytest.mark.parametrize(
    "budgets",
    [
        {MODEL: "100"},
        {MODEL: -1},
        {MODEL: True},
        {MODEL: 1e300},
        {MODEL: None},
        {MODEL: {"time_period": "1d"}},
        {MODEL: {"budget_limit": 1, "time_period": "a while"}},
        {MODEL: {"budget_limit": 1, "time_period": "0d"}},
        {MODEL: {"budget_limit": 1, "tpm_limit": 5}},
        {"": 1},
        {"a,b": 1},
        [MODEL],
        "all of it",
    ],
)
async def test_what_cannot_be_honoured_is_refused(world, budgets):
    body = {"user_role": "internal_user", "model_max_budget": budgets}
    answer = await ask(world, "POST", "/user/new", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "invalid_model_max_budget"


async def test_a_change_reaches_other_replicas_within_seconds(make):
    world = make(2)
    try:
        row = await world.new_user(budgets={MODEL: 0.01})
        for client in world.clients:
            assert (await world.chat(row["key"], client=client)).status_code == 429
        body = {"user_id": row["user_id"], "model_max_budget": {MODEL: 50}}
        await ask(world, "POST", "/user/update", json=body)
        await asyncio.sleep(2)
        for client in world.clients:
            assert (await world.chat(row["key"], client=client)).status_code == 200
    finally:
        await world.close()
