"""Which routes are the administrators', and that they pass untouched."""

from __future__ import annotations

import re
from pathlib import Path

import litellm
import pytest

from middleware.identity.routes import meaning
from tests.middleware.history.litellm import MASTER

from ..conftest import bearer

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
        assert meaning(path).is_managed, path


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


async def test_reading_deleting_and_a_password_are_not_governed(shared, key):
    for path in ("/key/delete", "/user/password/change", "/key/health"):
        answer = await shared.gateway.post(path, key, {"keys": []})
        assert answer.status_code == 200
    answer = await shared.gateway.http.get("/user/info", headers=bearer(key))
    assert answer.json() == {"user_id": "read"}
