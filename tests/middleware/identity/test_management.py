"""What people may do with their own keys, and everything else, which they may not."""

from __future__ import annotations

import re
from pathlib import Path

import litellm
import pytest

from middleware.identity.routes import is_managed
from tests.middleware.history.litellm import MASTER, MODEL

from .conftest import bearer

SELF_GRANTS = {
    "allowed_routes": ["/*"],
    "allowed_passthrough_routes": ["/admin"],
    "denied_passthrough_routes": ["x"],
    "permissions": {"get_spend_routes": True},
    "config": {"x": 1},
    "aliases": {MODEL: "gpt-4o"},
    "metadata": {"model_rpm_limit": {MODEL: 9999}},
    "guardrails": ["off"],
    "disable_global_guardrails": True,
    "policies": ["p"],
    "prompts": ["p"],
    "spend": 0.5,
    "soft_budget": 1.0,
    "budget_id": "rich",
    "end_user_budget_id": "rich",
    "budget_limits": [{"budget_limit": 1e9, "time_period": "1d"}],
    "budget_fallbacks": {"a": ["b"]},
    "temp_budget_increase": 1e6,
    "temp_budget_expiry": "2999-01-01",
    "object_permission": {"mcp_servers": ["x"]},
    "organization_id": "o",
    "project_id": "p",
    "agent_id": "a",
    "access_group_ids": ["g"],
    "router_settings": {"num_retries": 9},
    "tags": ["t"],
    "enforced_params": ["user"],
    "allowed_cache_controls": ["no-store"],
    "allowed_vector_store_indexes": [{"index_name": "i", "index_permissions": ["write"]}],
    "mcp_rpm_limit": {"m": 1},
    "tag_rpm_limit": {"t": 1},
    "tpd_limit": 10**9,
    "default_estimated_output_tokens": 1,
    "throttle_on_budget_exceeded": True,
    "enable_prompt_caching": True,
    "auto_rotate": True,
    "rotation_interval": "1d",
    "blocked": True,
    "send_invite_email": True,
    "user_role": "proxy_admin",
    "new_key": "sk-chosen-by-the-caller",
    "new_master_key": "sk-chosen-by-the-caller",
    "grace_period": "9999d",
    "key_type": "management",
    "rpm_limit_type": "dynamic",
    "a field of tomorrow": 1,
    "__proto__": {"admin": True},
}


@pytest.fixture
async def key(shared):
    """A key of an internal user that an administrator made, in a LiteLLM without any other."""
    litellm = shared.litellm
    litellm.add_user("grace", max_budget=40.0, budget_duration="30d", models=[MODEL], teams=["t1"])
    yield litellm.give("grace", max_parallel_requests=4)
    litellm.keys = {  # those of tokens stay, which the service knows of
        hashed: row
        for hashed, row in litellm.keys.items()
        if row.get("key_alias", "").startswith("token-")
    }
    litellm.users = {name: row for name, row in litellm.users.items() if "@" in name}
    litellm.told.clear()


@pytest.mark.parametrize(
    "path", ["/key/generate", "/key/update", "/key/regenerate", "/key/{}/regenerate"]
)
@pytest.mark.parametrize("field", SELF_GRANTS)
async def test_nobody_grants_themselves_anything_by_a_key(shared, key, path, field):
    body = {field: SELF_GRANTS[field]}
    if path == "/key/update":
        body["key"] = key
    answer = await shared.gateway.post(path.format(key), key, body)
    assert answer.status_code == 400, answer.text
    assert shared.litellm.told == []


@pytest.mark.parametrize("field", [*SELF_GRANTS, "key", "token"])
async def test_nor_with_a_token(shared, key, field):
    body = {field: SELF_GRANTS.get(field, "sk-chosen-by-the-caller")}
    answer = await shared.gateway.post("/user/new", await shared.issuer.mint(), body)
    assert answer.status_code in (400, 403), answer.text
    paths = {path for path, _, _ in shared.litellm.told} - {"/user/new", "/key/generate"}
    assert (
        not paths
        and shared.litellm.users.get("ada@example.com", {}).get("user_role") != "proxy_admin"
    )


@pytest.mark.parametrize(
    "body",
    [
        {"user_id": "eve@example.com"},
        {"user_email": "eve@example.com"},
        {"user_role": "proxy_admin"},
        {"user_role": "proxy_admin_viewer"},
        {"teams": ["t1"]},
        {"teams": ["t1", "t2"]},
        {"team_id": "t1"},
    ],
)
async def test_a_token_makes_no_other_user_and_no_other_role(shared, key, body):
    answer = await shared.gateway.post("/user/new", await shared.issuer.mint(), body)
    assert answer.status_code == 403, answer.text
    assert "eve@example.com" not in shared.litellm.users


ROUTES = [
    ("POST", "/user/new"),
    ("POST", "/user/update"),
    ("POST", "/user/bulk_update"),
    ("POST", "/user/delete"),
    ("POST", "/management/v1/users/bulk"),
    ("POST", "/management/v1/users/bulk_delete"),
    ("POST", "/management/v1/teams/t1/members/bulk_update"),
    ("POST", "/management/v1/teams/t1/members/bulk_delete"),
    ("POST", "/key/service-account/generate"),
    ("POST", "/key/bulk_update"),
    ("POST", "/key/block"),
    ("POST", "/key/unblock"),
    ("POST", "/key/abc/reset_spend"),
    ("PUT", "/key/generate"),
    ("PATCH", "/key/update"),
    ("POST", "//key/generate"),
    ("POST", "/key//generate"),
    ("POST", "/key/../key/bulk_update"),
    ("POST", "/key%2Fbulk_update"),
    ("POST", "/team/new"),
    ("POST", "/team/update"),
    ("POST", "/team/delete"),
    ("POST", "/team/block"),
    ("POST", "/team/unblock"),
    ("POST", "/team/member_add"),
    ("POST", "/team/member_update"),
    ("POST", "/team/member_delete"),
    ("POST", "/team/bulk_member_add"),
    ("POST", "/team/model/add"),
    ("POST", "/team/permissions_update"),
    ("POST", "/team/permissions_bulk_update"),
    ("POST", "/team/key/bulk_update"),
    ("POST", "/team/t1/callback"),
    ("DELETE", "/team/t1/callback/langfuse"),
    ("POST", "/team/t1/disable_logging"),
    ("POST", "/team/t1/member/grace/reset_spend"),
    ("PATCH", "/team/t1"),
    ("POST", "/organization/new"),
    ("PATCH", "/organization/update"),
    ("DELETE", "/organization/delete"),
    ("POST", "/organization/member_add"),
    ("PATCH", "/organization/member_update"),
    ("PATCH", "/v2/organization/o1"),
    ("POST", "/project/new"),
    ("POST", "/project/update"),
    ("POST", "/budget/new"),
    ("POST", "/budget/update"),
    ("POST", "/budget/delete"),
    ("POST", "/customer/new"),
    ("POST", "/customer/update"),
    ("POST", "/end_user/new"),
    ("POST", "/invitation/new"),
    ("POST", "/invitation/update"),
    ("POST", "/tag/new"),
    ("POST", "/tag/update"),
    ("POST", "/access_group/new"),
    ("PUT", "/access_group/g/update"),
    ("POST", "/v1/access_group"),
    ("PUT", "/v1/access_group/g"),
    ("POST", "/v1/unified_access_group"),
    ("POST", "/model/new"),
    ("POST", "/model/update"),
    ("PATCH", "/model/m/update"),
    ("POST", "/model/delete"),
    ("POST", "/jwt/key/mapping/new"),
    ("POST", "/config/update"),
    ("POST", "/config/field/update"),
    ("POST", "/config/pass_through_endpoint"),
    ("POST", "/credentials"),
    ("PATCH", "/update/internal_user_settings"),
    ("PATCH", "/update/default_team_settings"),
    ("PATCH", "/update/sso_settings"),
    ("POST", "/scim/v2/Users"),
    ("POST", "/prompts/test"),
    ("POST", "/guardrails/test_custom_code"),
    ("DELETE", "/policies/p1"),
    ("POST", "/global/spend/reset"),
    ("PATCH", "/scim/v2/Users/grace"),
    ("PATCH", "/scim/v2/Groups/t1"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_routes_that_are_the_administrators(shared, key, method, path):
    body = {"user_id": "grace", "user_role": "proxy_admin", "max_budget": 1e9, "keys": [key]}
    for credential in (key, await shared.issuer.mint()):
        if path == "/user/new" and credential != key:
            continue
        answer = await shared.gateway.http.request(
            method, shared.gateway.url + path, json=body, headers=bearer(credential)
        )
        assert answer.status_code == 403, answer.text
    told = {told for told, _, _ in shared.litellm.told} - {"/user/new", "/key/generate"}
    assert not told, "only what makes the token's own subject a user"
    assert shared.litellm.users["grace"]["user_role"] == "internal_user"


@pytest.mark.parametrize(
    "module",
    [
        "access_group",
        "budget_management",
        "customer",
        "internal_user",
        "jwt_key_mapping",
        "key_management",
        "model_access_group_management",
        "organization",
        "password",
        "tag_management",
        "team_callback",
        "team",
    ],
)
def test_whatever_litellm_lets_change_who_may_do_what_is_governed(module):
    """LiteLLM's own sources, so that a route of its next version does not go past."""
    root = Path(litellm.__file__).parent / "proxy"
    sources = [*root.rglob(f"{module}_endpoints.py")]
    found = []
    for source in sources:
        found += re.findall(
            r'@router\.(?:post|put|patch|delete)\(\s*"(/[^"]*)"', source.read_text()
        )
    assert found
    for path in found:
        assert is_managed(path), path


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_administrators_pass_untouched(shared, key, method, path):
    litellm = shared.litellm
    litellm.add_user("root", "proxy_admin")
    body = b'{ "anything": [1, 2],  "user_id": "someone" }'
    if path in ("/user/update", "/team/member_add", "/team/member_delete", "/key/update"):
        return  # the stand-in for LiteLLM does these, with fields of their own
    for credential in (MASTER, litellm.give("root")):
        answer = await shared.gateway.http.request(
            method, shared.gateway.url + path, content=body, headers=bearer(credential)
        )
        assert answer.status_code in (200, 307, 409), answer.text
        sent, by, told = litellm.told[-1]
        assert told == {"anything": [1, 2], "user_id": "someone"} and by == credential
        assert sent.rstrip("/").split("/")[-1] == path.rstrip("/").split("/")[-1].split("%2F")[-1]


@pytest.mark.parametrize("credential", ["-", "sk-unknown", "nonsense"])
async def test_nobody_at_all_may_do_nothing(shared, key, credential):
    for path in ("/key/generate", "/user/new", "/team/new", "/key/delete"):
        answer = await shared.gateway.post(path, credential)
        assert answer.status_code == 401, answer.text
    assert shared.litellm.told == []


async def test_viewers_write_no_more_than_others(shared, key):
    shared.litellm.add_user("viewer", "proxy_admin_viewer")
    viewer = shared.litellm.give("viewer")
    assert (await shared.gateway.post("/user/update", viewer)).status_code == 403
    assert (await shared.gateway.post("/key/generate", viewer, {"spend": 1})).status_code == 400


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


async def test_reading_deleting_and_a_password_are_not_governed(shared, key):
    for path in ("/key/delete", "/user/password/change", "/key/health"):
        answer = await shared.gateway.post(path, key, {"keys": []})
        assert answer.status_code == 200
    answer = await shared.gateway.http.get("/user/info", headers=bearer(key))
    assert answer.json() == {"user_id": "read"}


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
