"""The keys that people make for themselves: within the grant, and only so many."""

from __future__ import annotations

import pytest

from tests.middleware.history.litellm import MODEL

from ..conftest import bearer


async def test_keys_without_a_user_make_none(shared, key):
    service = shared.litellm.give(None, team_id="t1")
    assert (await shared.gateway.post("/key/generate", service)).status_code == 403
    assert shared.litellm.told == []


async def test_a_users_new_key_has_the_limits_of_the_user(shared, key):
    body = {
        "user_id": "grace",
        "max_budget": 1e9,
        "models": [],
        "rpm_limit": 10**6,
        "duration": "9w",
    }
    answer = await shared.gateway.post("/key/generate", key, body)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["max_budget"], made["budget_duration"], made["models"]) == (40.0, "30d", [MODEL])
    assert made["rpm_limit"] == 200, "of the policy for internal users"
    assert made["max_parallel_requests"] == 4, "of the key that made it"
    assert made["duration"] == "30d" and made["user_id"] == "grace"
    path, by, _ = shared.litellm.told[-1]
    assert (path, by) == ("/key/generate", key), "LiteLLM is asked as the caller"


async def test_what_was_asked_for_is_clamped_not_lost(shared, key):
    body = {
        "key_alias": "mine",
        "max_budget": 3,
        "models": [MODEL, "gpt-9"],
        "team_id": "t1",
        "model_rpm_limit": {MODEL: 900, "gpt-9": 1},
        "metadata": {"description": "for tests"},
        "key_type": "llm_api",
        "rpm_limit_type": "best_effort_throughput",
    }
    made = (await shared.gateway.post("/key/generate", key, body)).json()
    assert made["key_alias"] == "mine" and made["max_budget"] == 3 and made["team_id"] == "t1"
    assert made["models"] == [MODEL] and made["model_rpm_limit"] == {MODEL: 200}
    assert made["metadata"]["description"] == "for tests" and made["key_type"] == "llm_api"


@pytest.mark.parametrize(
    "body",
    [
        {"user_id": "eve"},
        {"team_id": "not-mine"},
        {"models": ["gpt-9"]},
    ],
)
async def test_keys_for_others_teams_and_models_are_refused(shared, key, body):
    assert (await shared.gateway.post("/key/generate", key, body)).status_code == 403
    assert shared.litellm.told == []


async def test_a_key_hands_on_no_more_than_it_has(shared, key):
    small = shared.litellm.give("grace", max_budget=2.0, models=[MODEL], rpm_limit=1)
    made = (await shared.gateway.post("/key/generate", small, {"max_budget": 30})).json()
    assert (made["max_budget"], made["rpm_limit"]) == (2.0, 1)


async def test_the_uis_session_makes_keys_of_the_user(shared, key):
    """LiteLLM's UI works with a key of its own, of a small budget and of its own team."""
    session = shared.litellm.give(
        "grace", team_id="litellm-dashboard", max_budget=1.0, models=[MODEL]
    )
    body = {  # as the UI sends it
        "key_alias": "from-the-ui",
        "user_id": "grace",
        "team_id": None,
        "models": [],
        "key_type": "default",
        "duration": None,
        "max_budget": 30,
        "metadata": {},
        "guardrails": [],
        "prompts": [],
        "tags": [],
        "allowed_passthrough_routes": [],
        "object_permission": {},
        "disable_global_guardrails": False,
        "aliases": {},
        "organization_id": "",
    }
    answer = await shared.gateway.post("/key/generate", session, body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["max_budget"] == 30.0 and answer.json()["models"] == [MODEL]


async def test_there_are_only_so_many_keys(shared, key):
    for _ in range(7):
        assert (await shared.gateway.post("/key/generate", key)).status_code == 200
    answer = await shared.gateway.post("/key/generate", key)
    assert answer.status_code == 403 and "8 keys" in answer.text


async def test_bodies_that_are_none(shared, key):
    for content in (b"[]", b"{", b'"x"', b"\xff"):
        answer = await shared.gateway.http.post(
            "/key/generate", content=content, headers=bearer(key)
        )
        assert answer.status_code == 400, answer.text
    assert shared.litellm.told == []


async def test_every_other_header_of_a_key_goes_no_further(shared, key):
    shared.litellm.add_user("eve", max_budget=1e6)
    rich = shared.litellm.give("eve")
    headers = {**bearer(rich), "x-litellm-api-key": key, "api-key": rich}
    made = await shared.gateway.http.post("/key/generate", json={}, headers=headers)
    assert made.json()["max_budget"] == 40.0
    assert shared.litellm.told[-1][1] == key
