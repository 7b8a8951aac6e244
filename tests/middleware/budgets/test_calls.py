"""Calls of somebody with a budget for a model: what is let through, what is booked, what is said."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from .conftest import LOG_SECONDS, bearer
from .litellm import FREE, ID, INPUT, MASTER, MODEL, OTHER, OUTPUT


async def test_a_call_is_booked_with_what_it_did_cost(world):
    key = await world.user(budgets={MODEL: 5})
    answer = await world.chat(key, "say 3")
    assert answer.status_code == 200, answer.text
    truth = await world.truth()
    spent = await world.settled()
    assert spent == pytest.approx(truth["spent"][MODEL]) and spent == pytest.approx(
        INPUT * 3 + OUTPUT * 3, rel=0.2
    )
    copies = await world.copies()
    assert all(int(copy["reserved"]) == 0 for copy in copies)
    assert any(int(copy["spent"]) / 1e9 == pytest.approx(spent) for copy in copies)


async def test_a_call_that_might_exceed_the_budget_is_refused(world):
    key = await world.user(budgets={MODEL: 0.05})
    answer = await world.chat(key, "say 1", max_tokens=50)
    error = answer.json()["error"]
    assert answer.status_code == 429 and error["code"] == "budget_exceeded"
    assert "$0.05" in error["message"] and "reset at" in error["message"]
    assert int(answer.headers["retry-after"]) > 27 * 86_400
    assert (await world.truth())["calls"] == 0


async def test_the_same_on_bedrock(world):
    key = await world.user(budgets={MODEL: 0.05})
    body = {
        "messages": [{"role": "user", "content": [{"text": "say 1"}]}],
        "inferenceConfig": {"maxTokens": 50},
    }
    for action in ("converse", "converse-stream"):
        answer = await world.http.post(
            f"/bedrock/model/{MODEL}/{action}", json=body, headers=bearer(key)
        )
        assert answer.status_code == 429, answer.text
        assert answer.headers["x-amzn-errortype"] == "ThrottlingException"
        assert "reset at" in answer.json()["message"] and answer.headers["retry-after"]
    assert (await world.truth())["calls"] == 0


async def test_nothing_is_stored_of_a_refused_call(world):
    key = await world.user(budgets={MODEL: 0.05})
    answer = await world.chat(key, max_tokens=50, enable_history=True)
    assert answer.status_code == 429
    assert not await world.rows("SELECT * FROM sessions") and not await world.rows(
        "SELECT * FROM budget_bookings"
    )


async def test_what_was_said_before_is_reserved_too(world):
    key = await world.user(budgets={MODEL: 0.9})
    first = await world.chat(key, "say 1 " + "long " * 100, enable_history=True)
    assert first.status_code == 200, first.text
    session = first.headers["x-session-id"]
    again = await world.chat(key, "say 1" + "long " * 50, session_id=session)
    assert again.status_code == 429 and len(await world.rows("SELECT * FROM turns")) == 1
    alone = await world.chat(key, "say 1" + "long " * 50)
    assert alone.status_code == 200


async def test_others_are_not_asked_anything(world):
    await world.user(budgets={MODEL: 0.01})
    answer = await world.http.post(
        "/key/generate", json={"user_id": "somebody"}, headers=bearer(MASTER)
    )
    key = answer.json()["key"]
    assert (await world.chat(key, max_tokens=50)).status_code == 200
    assert (await world.truth())["asked"][-1]["call"] is None
    world.kill("redis")
    assert (await world.chat(key, max_tokens=50)).status_code == 200


async def test_other_models_are_free_of_it(world):
    key = await world.user(budgets={MODEL: 0.001})
    assert (await world.chat(key, model=OTHER)).status_code == 200
    assert (await world.chat(key)).status_code == 429


async def test_a_key_s_budget_counts_beside_its_users(world):
    row = await world.new_user(budgets={MODEL: 5})
    body = {
        "user_id": row["user_id"],
        "model_max_budget": {MODEL: {"budget_limit": 0.5, "time_period": "1d"}},
    }
    made = (await world.http.post("/key/generate", json=body, headers=bearer(MASTER))).json()
    assert made["model_max_budget"][MODEL]["budget_limit"] == 0.5
    answers = [await world.chat(made["key"], "say 4", max_tokens=5) for _ in range(6)]
    assert {a.status_code for a in answers} == {200, 429} and "The key's budget" in answers[
        -1
    ].json()["error"]["message"]
    assert (await world.chat(row["key"], "say 1", max_tokens=5)).status_code == 200
    told = await world.http.get(
        "/user/info", params={"user_id": row["user_id"]}, headers=bearer(MASTER)
    )
    spent = told.json()["user_info"]["model_max_budget"][MODEL]["spent"]
    assert spent == pytest.approx((await world.truth())["spent"][MODEL])


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("stream", [True, False])
async def test_streams_and_answers_are_settled_to_the_cost(world, kept, stream):
    key = await world.user(budgets={MODEL: 5})
    answer = await world.chat(key, "say 4", stream=stream, enable_history=kept)
    assert answer.status_code == 200
    if stream:
        assert answer.text.rstrip().endswith("[DONE]") and '"usage"' not in answer.text
        assert answer.text.count("word") == 4
    assert await world.settled(1) == pytest.approx((await world.truth())["spent"][MODEL])


async def test_a_usage_that_was_asked_for_arrives(world):
    key = await world.user(budgets={MODEL: 5})
    answer = await world.chat(key, stream=True, stream_options={"include_usage": True})
    assert '"cost"' in answer.text


async def test_an_error_releases_what_was_held(world):
    key = await world.user(budgets={MODEL: 5})
    for fields in ({}, {"enable_history": True}, {"stream": True}):
        assert (await world.chat(key, "please fail", **fields)).status_code == 500
    assert await world.settled(1) == 0


async def test_an_answer_that_a_guardrail_withholds_was_paid_for(world):
    key = await world.user(budgets={MODEL: 5})
    for fields in ({}, {"enable_history": True}):
        assert (await world.chat(key, "withhold say 3", **fields)).status_code == 400
    body = {"messages": [{"role": "user", "content": [{"text": "withhold say 3"}]}]}
    path = f"/bedrock/model/{MODEL}/converse"
    answer = await world.http.post(path, json=body, headers=bearer(key))
    assert answer.json()["stopReason"] == "guardrail_intervened"
    assert await world.settled(5) == pytest.approx((await world.truth())["spent"][MODEL])


@pytest.mark.parametrize("kept", [True, False])
async def test_a_caller_who_leaves_pays_for_what_was_delivered(world, kept):
    key = await world.user(budgets={MODEL: 5})
    message = {"role": "user", "content": "say 90 wait 9"}
    body = {
        "model": MODEL,
        "messages": [message],
        "stream": True,
        "enable_history": kept,
        "max_tokens": 90,
    }
    path = "/v1/chat/completions"
    async with world.http.stream("POST", path, json=body, headers=bearer(key)) as stream:
        pieces = stream.aiter_bytes()
        for _ in range(3):
            await anext(pieces)
    spent = await world.settled(10)
    assert 0 < spent == pytest.approx((await world.truth())["spent"][MODEL]) and spent < 0.5


async def test_a_caller_who_leaves_without_a_word_of_litellm_s_pays_the_bound_of_it(world):
    key = await world.user(budgets={MODEL: 5})
    with pytest.raises(httpx.ReadTimeout):
        await world.http.post(
            "/v1/chat/completions",
            json={
                "model": MODEL,
                "max_tokens": 90,
                "messages": [{"role": "user", "content": "say 9 wait 30"}],
            },
            headers=bearer(key),
            timeout=2,
        )
    spent = await world.settled(LOG_SECONDS + 5)
    assert 0 < spent < 90 * OUTPUT  # all that it read, and nothing that it never wrote


async def test_an_answer_without_its_cost_is_looked_up_and_else_costs_its_bound(world):
    key = await world.user(budgets={MODEL: 5})
    assert (await world.chat(key, "no header say 2")).status_code == 200
    assert await world.settled(LOG_SECONDS + 5) == pytest.approx(
        (await world.truth())["spent"][MODEL]
    )
    await world.control(booking=False)
    before = (await world.booked())[0]
    assert (await world.chat(key, "no header say 2", max_tokens=50)).status_code == 200
    assert await world.settled(LOG_SECONDS + 5) - before > 50 * OUTPUT


async def test_a_model_without_a_price_is_refused(world):
    key = await world.user(budgets={FREE: 5})
    answer = await world.chat(key, model=FREE)
    assert answer.status_code == 400 and "no price" in answer.json()["error"]["message"]
    assert (await world.truth())["calls"] == 0


async def test_a_model_of_unknown_length_needs_max_tokens(world):
    key = await world.user(budgets={OTHER: 5})
    answer = await world.chat(key, model=OTHER, max_tokens=None)
    assert answer.status_code == 400 and "max_tokens" in answer.json()["error"]["message"]
    assert (await world.chat(key, model=OTHER)).status_code == 200


async def test_missing_max_tokens_reserves_the_models_own(world):
    key = await world.user(budgets={MODEL: 0.9})
    assert (await world.chat(key, max_tokens=None)).status_code == 429  # 100 tokens are a dollar
    assert (await world.chat(key, max_tokens=0)).status_code == 429
    assert (await world.chat(key, max_tokens=60)).status_code == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"n": 100}, 429),
        ({"max_tokens": 10**9}, 429),
        ({"max_tokens": 10**30}, 400),
        ({"max_tokens": -5}, 400),
        ({"max_tokens": "5"}, 400),
        ({"max_tokens": 1.5}, 400),
        ({"n": 0}, 400),
        ({"n": -1}, 400),
        ({"max_completion_tokens": 10**6}, 429),
        ({"fallbacks": ["any-model"], "model": OTHER}, 400),
        ({"model": f"{OTHER},{MODEL}"}, 400),
        ({"model": [MODEL]}, 400),
        ({"model": None}, 400),
        ({"tools": [{"type": "web_search"}]}, 400),
        ({"web_search_options": {}, "tools": [{"type": "mcp", "server_url": "x"}]}, 400),
    ],
)
async def test_a_bound_cannot_be_talked_down(world, fields, status):
    key = await world.user(budgets={MODEL: 0.5, OTHER: 0.5})
    answer = await world.chat(key, **fields)
    assert answer.status_code == status, answer.text
    assert (await world.truth())["calls"] == 0


@pytest.mark.parametrize(
    "name", ["nickname", ID, f"openai/{MODEL}-target", "ANY-MODEL", f" {MODEL}", f"custom/{MODEL}"]
)
async def test_another_name_is_the_same_budget(world, name):
    key = await world.user(budgets={MODEL: 0.02})
    assert (await world.chat(key, model=name)).status_code == 429
    named = await world.user(budgets={name.strip(): 0.02})
    assert (await world.chat(named)).status_code == 429


@pytest.mark.parametrize(
    "name",
    [
        "us.amazon.some-model-v1:0",
        "amazon.some-model-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.some-model-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.some-model-v1:0",
    ],
)
async def test_what_bedrock_calls_a_model_is_the_same_budget(world, name):
    key = await world.user(budgets={"bedrock-model": 0.02})
    body = {"messages": [{"role": "user", "content": [{"text": "say 1"}]}]}
    path = f"/bedrock/model/{name.replace('/', '%2F')}/converse"
    assert (await world.http.post(path, json=body, headers=bearer(key))).status_code == 429
    assert (await world.chat(key, model=name)).status_code == 429
    invoked = await world.http.post(
        path.replace("/converse", "/invoke"),
        json={
            "anthropic_version": "x",
            "max_tokens": 90,
            "messages": [{"role": "user", "content": "x"}],
        },
        headers=bearer(key),
    )
    assert invoked.status_code == 429
    assert (await world.truth())["calls"] == 0


async def test_a_body_that_can_be_read_in_two_ways_is_read_in_one(world):
    key = await world.user(budgets={MODEL: 0.02})
    messages = json.dumps([{"role": "user", "content": "x"}])
    twice = f'{{"model": "{OTHER}", "messages": {messages}, "max_tokens": 5, "model": "{MODEL}"}}'
    escaped = f'{{"mod\\u0065l": "\\u0061ny-model", "messages": {messages}}}'
    form = (
        f'{{"model": "{OTHER}", "messages": {messages}, "max_tokens": 2, "x": "&model={MODEL}&"}}'
    )
    for body, kind, status in (
        (twice, "application/json", 429),
        (escaped, "application/json", 429),
        (f"model={MODEL}&messages=x", "application/x-www-form-urlencoded", 400),
        (form, "application/x-www-form-urlencoded", 200),
    ):
        headers = {**bearer(key), "content-type": kind}
        for path in ("/v1/chat/completions", "/v1/messages"):
            answer = await world.http.post(path, content=body, headers=headers)
            assert answer.status_code == status, (path, body, answer.text)
        answer = await world.http.post("/v1/%63hat/completions", content=body, headers=headers)
        assert answer.status_code == 400
    assert {each["model"] for each in (await world.truth())["asked"]} == {OTHER}


@pytest.mark.parametrize(
    "other", [f"/v1/chat/completions?model={MODEL}", f"/engines/{MODEL}/chat/completions"]
)
async def test_path_query_and_body_have_to_agree(world, other):
    key = await world.user(budgets={MODEL: 5})
    answer = await world.http.post(
        other,
        json={"model": OTHER, "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]},
        headers=bearer(key),
    )
    assert answer.status_code == 400 and "different models" in answer.text


async def test_redis_that_is_down_refuses_and_coming_back_goes_on(world):
    key = await world.user(budgets={MODEL: 5})
    assert (await world.chat(key)).status_code == 200
    world.kill("redis")
    answer = await world.chat(key)
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "budgets_unavailable"
    world.start_redis()
    answers = [await world.chat(key) for _ in range(3)]
    assert [a.status_code for a in answers] == [200] * 3
    assert await world.settled() == pytest.approx((await world.truth())["spent"][MODEL])


async def test_a_new_period_begins_with_nothing_spent(world):
    key = await world.user(budgets={MODEL: {"budget_limit": 0.5, "time_period": "6s"}})
    outcomes = [(await world.chat(key, "say 4", max_tokens=5)).status_code for _ in range(6)]
    assert 200 in outcomes and outcomes[-1] == 429
    refused = await world.chat(key, max_tokens=5)
    await asyncio.sleep(int(refused.headers["retry-after"]))
    assert (await world.chat(key, max_tokens=5)).status_code == 200
