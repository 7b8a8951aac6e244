"""Calls of an experiment on both interfaces: who gets which arm, what it is told, what is written of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re

import pytest

from tests.middleware.conftest import eventually
from tests.middleware.history.conftest import bearer
from tests.middleware.history.litellm import BEDROCK_MODEL, MASTER, MODEL, PRICE

from .conftest import ADA, BOB, NAME, file

MODELS = {"control": MODEL, "treatment": BEDROCK_MODEL}
USERS = [f"user-{number}" for number in range(20)]


async def test_a_user_gets_the_same_arm_on_both_interfaces_streamed_or_not(service, litellm):
    for user in USERS:
        answers = [
            await service.chat(user),
            await service.chat(user, stream=True),
            await service.converse(user),
            await service.converse(user, action="converse-stream"),
        ]
        assert [answer.status_code for answer in answers] == [200] * 4
        (arm,) = {answer.headers["x-experiment-arm"] for answer in answers}
        assert {answer.headers["x-experiment"] for answer in answers} == {NAME}
        assert litellm.models()[-4:] == [MODELS[arm]] * 4
    assert set(litellm.models()) == set(MODELS.values())
    rows = await service.outcomes()
    assert len(rows) == 80 and len({row["request_id"] for row in rows}) == 80
    for row in rows:
        assert row["status"] == 200 and not row["failed"] and not row["fell_back"]
        assert row["cost_usd"] == PRICE
        assert (row["input_tokens"], row["output_tokens"], row["output_ktokens"]) == (5, 7, 0.007)
        assert row["latency_ms"] > 0 and row["served_model"] == MODELS[row["arm"]]
        assert (row["ttft_ms"] is not None) == row["streamed"]
        assert row["streamed"] is False or 0 < row["ttft_ms"] <= row["latency_ms"]
        assert (row["team"], row["role"], row["pair"]) == ("red", "answer", None)
    cells = {(row["interface"], row["streamed"]) for row in rows}
    assert len(cells) == 4


async def test_what_is_written_names_no_user(service, database):
    await service.chat("somebody@example.com")
    (row,) = await service.outcomes()
    assert len(row["unit"]) == 16 and int(row["unit"], 16) >= 0
    for table in ("experiment_exposures", "experiment_outcomes"):
        rows = await database.fetch(f"SELECT * FROM {table}")
        told = str([tuple(each) for each in rows])
        assert "somebody" not in told and re.search(r"\bada\b", told) is None
        assert hashlib.sha256(ADA.encode()).hexdigest() not in told


async def test_a_call_that_names_nobody_counts_as_the_keys_user(service):
    arms = {
        (await service.chat(key=BOB)).headers["x-experiment-arm"],
        (await service.chat("bob")).headers["x-experiment-arm"],
    }
    assert len(arms) == 1
    assert len({row["unit"] for row in await service.outcomes()}) == 1


async def test_a_call_without_a_unit_is_refused(service, litellm):
    answer = await service.chat(key=MASTER)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "experiment_unit_unknown"
    answer = await service.converse(key=MASTER)
    assert answer.headers["x-amzn-errortype"] == "ValidationException"
    assert not litellm.calls and not await service.outcomes()


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/openai/deployments/{}/chat/completions"]
)
async def test_the_model_may_be_in_the_path(service, litellm, path):
    body = {"messages": [{"role": "user", "content": "hello"}], "user": "ada"}
    if "{}" not in path:
        body["model"] = f"experiment/{NAME}"
    for name in (f"experiment/{NAME}", f"experiment%2F{NAME}"):
        answer = await service.http.post(path.format(name), json=body, headers=bearer(ADA))
        assert answer.status_code == 200 and answer.headers["x-experiment"] == NAME
    assert set(litellm.models()) <= set(MODELS.values())


async def test_a_model_in_the_query_cannot_take_the_arms_place(service, litellm):
    body = {"model": f"experiment/{NAME}", "messages": [{"role": "user", "content": "hello"}]}
    answer = await service.http.post(
        "/v1/chat/completions?model=another", json=body, headers=bearer(ADA)
    )
    assert answer.status_code == 400 and not litellm.calls


async def test_an_unknown_experiment_is_not_found(service, litellm):
    answer = await service.chat("ada", model="experiment/none")
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "experiment_not_found"
    assert not litellm.calls


async def test_a_bad_key_leaves_no_trace(service, litellm):
    for answer in (
        await service.chat("ada", key="sk-unknown"),
        await service.converse("ada", key="sk-unknown"),
        await service.chat("ada", key="sk-unknown", model="experiment/none"),
    ):
        assert answer.status_code in (401, 403)
    assert not litellm.calls and not await service.outcomes()


async def test_an_arms_parameters_and_instruction_take_their_place(start, litellm):
    arms = [
        {"name": "control", "model": MODEL, "weight": 1e-9},
        {
            "name": "treatment",
            "model": MODEL,
            "parameters": {"temperature": 0.1, "max_tokens": 11},
            "system": "be brief",
        },
    ]
    service = await start()
    assert (await service.put(file(arms=arms))).status_code == 201
    await service.chat("ada", temperature=1, max_completion_tokens=99)
    await service.converse("ada", inferenceConfig={"temperature": 1.0, "topP": 0.5})
    for _, body in litellm.calls:
        assert body["temperature"] == 0.1 and body["max_tokens"] == 11
        assert "max_completion_tokens" not in body
        assert [each["role"] for each in body["messages"]] == ["system", "user"]
        assert body["messages"][0]["content"] == "be brief"
        assert body["cache"] == {"no-cache": True, "no-store": True}


async def test_usage_that_the_caller_did_not_ask_for_is_not_shown(service):
    quiet = await service.chat("ada", stream=True)
    asked = await service.chat("ada", stream=True, stream_options={"include_usage": True})
    assert '"usage"' not in quiet.text and quiet.text.endswith("data: [DONE]\n\n")
    assert '"usage"' in asked.text
    assert [row["output_tokens"] for row in await service.outcomes()] == [7, 7]


async def test_an_error_from_upstream_says_which_arm_it_was_of(service, litellm):
    litellm.fail = {"status": 429, "message": "slow down"}
    for answer in (await service.chat("ada"), await service.converse("ada")):
        assert answer.status_code == 429 and answer.headers["x-experiment-arm"] in MODELS
    rows = await service.outcomes()
    assert [(row["status"], row["failed"], row["latency_ms"]) for row in rows] == [
        (429, True, None)
    ] * 2


async def test_a_call_that_a_guardrail_blocks_has_failed_on_either_interface(service, litellm):
    litellm.fail = {"status": 400, "message": "Violated guardrail policy"}
    answers = [await service.chat("ada"), await service.converse("ada")]
    assert [answer.status_code for answer in answers] == [400, 200]
    rows = await service.outcomes()
    assert [(row["failed"], row["latency_ms"]) for row in rows] == [(True, None)] * 2


@pytest.mark.parametrize("broken", ["error", True])
async def test_a_stream_that_breaks_has_failed(service, litellm, broken):
    litellm.broken = broken
    answers = [await service.converse("ada", action="converse-stream")]
    if broken == "error":
        answers.append(await service.chat("ada", stream=True))
    assert all(b"messageStop" not in answer.content for answer in answers)
    rows = await service.outcomes()
    assert len(rows) == len(answers) and all(row["failed"] for row in rows)
    assert {row["latency_ms"] for row in rows} == {None}


async def test_a_fallback_is_shown(service, litellm):
    litellm.fell_back = True
    await service.chat("ada")
    await service.converse("ada", action="converse-stream")
    rows = await service.outcomes()
    assert [(row["served_model"], row["fell_back"]) for row in rows] == [("spare", True)] * 2


async def test_invoke_model_is_refused(service):
    body = {"max_tokens": 5, "messages": []}
    path = f"/bedrock/model/experiment%2F{NAME}/invoke"
    answer = await service.http.post(path, json=body, headers=bearer(ADA))
    assert answer.headers["x-amzn-errortype"] == "ValidationException"
    assert "Converse" in answer.json()["message"]


async def test_other_models_are_left_alone(service, litellm):
    sent = {"model": MODEL, "messages": [{"role": "user", "content": "of experiment/cheaper"}]}
    body = json.dumps({**sent, "name": "experiment/cheaper"})
    answer = await service.http.post("/v1/chat/completions", content=body, headers=bearer(ADA))
    assert answer.status_code == 200 and "x-experiment" not in answer.headers
    assert litellm.calls[0][1] == json.loads(body)
    assert not await service.outcomes()


async def test_a_request_id_that_is_used_again_does_not_hide_a_call(service, litellm):
    again = {"x-request-id": "mine"}
    answers = [await service.chat("ada", headers=again) for _ in range(3)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert ids[0] == "mine" and len(set(ids)) == 3
    assert [request_id for request_id, _ in litellm.calls] == ids
    assert [row["request_id"] for row in await service.outcomes()] == ids


async def test_a_call_waits_in_the_queue_of_its_arms_model(start, litellm):
    service = await start(model_limits={BEDROCK_MODEL: 1}, queue_length=0)
    arms = [
        {"name": "control", "model": MODEL, "weight": 1e-9},
        {"name": "b", "model": BEDROCK_MODEL},
    ]
    await service.put(file(arms=arms))
    litellm.slow[BEDROCK_MODEL] = 0.5
    first = asyncio.create_task(service.chat("ada"))
    await eventually(lambda: len(litellm.calls) == 1)
    for answer in (
        await service.chat("bob"),
        await service.converse("bob", action="converse-stream"),
    ):
        assert answer.status_code == 429 and answer.headers["x-experiment-arm"] == "b"
    assert (await service.chat("bob", model=MODEL)).status_code == 200
    assert (await first).status_code == 200
