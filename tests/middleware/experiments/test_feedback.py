"""Feedback: from whoever made the call, and from nobody else."""

from __future__ import annotations

import asyncio

import pytest

from middleware.experiments.feedback import MOST_NAMES

from .conftest import ADA, BOB, file


async def give(service, of, key=ADA, **more):
    body = {"request_id": of, "name": "helpful", "value": True, **more}
    return await service.post("/experiments/feedback", body, key=key)


async def test_the_latest_value_of_each_name_is_shown_with_the_outcome(service):
    first, second = [(await service.chat("ada")).headers["x-request-id"] for _ in range(2)]
    assert (await give(service, first)).json()["value"] == 1.0
    assert (await give(service, first, value=False)).status_code == 200
    assert (await give(service, first, name="score", value=3.5)).status_code == 200
    rows = {row["request_id"]: row for row in await service.outcomes()}
    assert rows[first]["feedback.helpful"] == 0.0 and rows[first]["feedback.score"] == 3.5
    assert "feedback.helpful" not in rows[second]


async def test_an_answer_has_feedback_of_so_many_names(service):
    of = (await service.chat("ada")).headers["x-request-id"]
    names = [f"name_{i}" for i in range(MOST_NAMES + 5)]
    answers = await asyncio.gather(*(give(service, of, name=name) for name in names))
    codes = [answer.status_code for answer in answers]
    assert sorted(codes) == [200] * MOST_NAMES + [400] * 5
    refused = answers[codes.index(400)].json()["error"]
    assert refused["type"] == "invalid_request_error" and str(MOST_NAMES) in refused["message"]
    assert (await give(service, of, name=names[codes.index(200)], value=2)).status_code == 200
    assert (await give(service, of, name=names[codes.index(400)])).status_code == 400
    other = (await service.chat("ada")).headers["x-request-id"]
    assert (await give(service, other, name=names[codes.index(400)])).status_code == 200
    (row,) = [row for row in await service.outcomes() if row["request_id"] == of]
    assert len([name for name in row if name.startswith("feedback.")]) == MOST_NAMES


async def test_only_the_caller_or_its_user_may_give_it(service, litellm):
    litellm.add_key("sk-another-of-ada", "ada")
    litellm.add_key("sk-of-nobody")
    request_id = (await service.chat("ada")).headers["x-request-id"]
    assert (await give(service, request_id, key="sk-another-of-ada")).status_code == 200
    for key in (BOB, "sk-of-nobody"):
        answer = await give(service, request_id, key=key)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "request_not_found"
    assert (await give(service, request_id, key="sk-unknown")).status_code == 401
    assert (await give(service, "never-was")).status_code == 404


async def test_a_shadow_is_nobodys_to_judge(start):
    service = await start()
    await service.put(file(mode="shadow"))
    await service.chat("ada")
    rows = await service.outcomes()
    while len(rows) < 2:
        rows = await service.outcomes()
    (shadow,) = [row["request_id"] for row in rows if row["role"] == "shadow"]
    assert (await give(service, shadow)).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Helpful"},
        {"name": "x" * 41},
        {"name": "a\x00"},
        {"value": "good"},
        {"value": None},
        {"value": 10**400},
        {"request_id": 7},
        {"more": 1},
    ],
)
async def test_what_is_no_feedback_is_refused(service, wrong):
    request_id = (await service.chat("ada")).headers["x-request-id"]
    answer = await give(service, request_id, **wrong)
    assert answer.status_code == 400, answer.text
