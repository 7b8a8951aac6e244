"""What people change of their own keys, and regenerating them."""

from __future__ import annotations

import pytest

from tests.middleware.history.litellm import MODEL


async def test_changes_of_a_key_are_clamped(shared, key):
    litellm, gateway = shared.litellm, shared.gateway
    litellm.row(key)["models"] = [MODEL]
    body = {"key": key, "rpm_limit": None, "models": [], "max_budget": 1e6, "tpm_limit": 5}
    answer = await gateway.post("/key/update", key, body)
    assert answer.status_code == 200, answer.text
    _, by, told = litellm.told[-1]
    assert by == key and told["models"] == [MODEL] and told["max_budget"] == 40.0
    assert told["tpm_limit"] == 5 and "metadata" not in told
    row = litellm.row(key)
    row |= {"rpm_limit": 3, "max_budget": 7.0, "budget_duration": "30d"}
    await gateway.post("/key/update", key, {"key": key, "rpm_limit": None, "max_budget": None})
    _, _, told = litellm.told[-1]
    assert told["max_budget"] == 7.0, "the key itself may hand on no more"
    assert told["rpm_limit"] == 3


async def test_what_the_ui_sends_along_unchanged_is_no_change(shared, key):
    row = shared.litellm.row(key)
    row |= {
        "metadata": {"x": 1, "guardrails": ["g"]},
        "spend": 0.0,
        "team_id": None,
        "blocked": None,
    }
    body = {
        "key": key,
        "key_alias": "renamed",
        "metadata": {"x": 1, "guardrails": ["g"]},
        "guardrails": ["g"],
        "spend": 0.0,
        "team_id": None,
        "blocked": False,
        "max_parallel_requests": 4,
        "user_id": "grace",
        "object_permission": {},
    }
    assert (await shared.gateway.post("/key/update", key, body)).status_code == 200
    _, _, told = shared.litellm.told[-1]
    assert set(told) == {"key", "key_alias"}


@pytest.mark.parametrize(
    ("row", "body"),
    [
        ({"blocked": True}, {"blocked": False}),
        ({"metadata": {"guardrails": ["g"]}}, {"guardrails": []}),
        ({"metadata": {"guardrails": ["g"]}}, {"metadata": {}}),
        ({"spend": 9.0}, {"spend": 0}),
        ({"allowed_routes": ["/v1/models"]}, {"allowed_routes": []}),
        ({"object_permission": {"a": 1}}, {"object_permission": None}),
        ({"aliases": {"a": "b"}}, {"aliases": {}}),
        ({"budget_id": "b"}, {"budget_id": None}),
    ],
)
async def test_what_an_administrator_set_is_not_emptied(shared, key, row, body):
    shared.litellm.row(key).update(row)
    other = shared.litellm.give("grace")
    answer = await shared.gateway.post("/key/update", other, {"key": key, **body})
    assert answer.status_code == 400, answer.text
    assert shared.litellm.told == []


async def test_a_key_does_not_outlive_its_lifetime(shared, key):
    row = shared.litellm.row(key)
    for asked, left in (("9w", 30 * 86400), (None, 30 * 86400), ("1d", 86400)):
        row["expires"] = "2999-01-01T00:00:00+00:00"
        await shared.gateway.post("/key/update", key, {"key": key, "duration": asked})
        told = shared.litellm.told[-1][2]["duration"]
        seconds = int(told[:-1]) * {"s": 1, "d": 86400}[told[-1]]
        assert left - 60 < seconds <= left
    row["created_at"], row["expires"] = "2020-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"
    answer = await shared.gateway.post("/key/update", key, {"key": key, "duration": "1d"})
    assert answer.status_code == 403


async def test_keys_of_others_are_not_changed(shared, key):
    shared.litellm.add_user("eve")
    other = shared.litellm.give("eve")
    for body in (
        {"key": other, "rpm_limit": 1},
        {"key": "0" * 64},
        {"key_alias": "eves"},
        {"key": 7},
    ):
        answer = await shared.gateway.post("/key/update", key, body)
        assert answer.status_code in (400, 403), answer.text
    assert (await shared.gateway.post(f"/key/{other}/regenerate", key)).status_code == 403
    answer = await shared.gateway.post("/key/update", key, {"key": key, "user_id": "eve"})
    assert answer.status_code == 403
    assert shared.litellm.told == []


async def test_regenerating_is_within_the_grant(shared, key):
    answer = await shared.gateway.post(f"/key/{key}/regenerate", key, {"max_budget": 1e6})
    assert answer.status_code == 200, answer.text
    path, _, told = shared.litellm.told[-1]
    assert path.endswith("/regenerate") and key not in path and told["max_budget"] == 40.0
    assert (await shared.gateway.post("/key/regenerate", key)).status_code == 200
