"""Nobody grants themselves anything, by a key or with a token."""

from __future__ import annotations

import pytest

from tests.middleware.history.litellm import MODEL

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
