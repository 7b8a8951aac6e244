"""Subjects of tokens as users: their keys, what changes with the policy, and who is left alone."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
import os
import subprocess
import sys

import asyncpg
import pytest
import websockets

from tests.middleware.history.litellm import MASTER, MODEL

from .conftest import POLICY, bearer

ADA = "ada@example.com"


async def test_a_token_makes_its_subject_a_user_and_gives_it_a_key(gateway, litellm, issuer):
    answer = await gateway.post("/user/new", await issuer.mint(), {})
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert made["user_id"] == made["user_email"] == ADA and made["user_role"] == "internal_user"
    assert made["max_budget"] == 50.0 and made["budget_duration"] == "30d"
    assert made["key"].startswith("sk-") and made["teams"] is None
    row = litellm.users[ADA]
    assert (
        row["max_budget"] == 50.0
        and row["rpm_limit"] == 100
        and row["user_role"] == "internal_user"
    )
    assert litellm.row(made["key"])["user_id"] == ADA
    assert (await gateway.chat(made["key"])).status_code == 200


async def test_called_again_it_gives_a_fresh_key(gateway, litellm, issuer):
    keys = {(await gateway.post("/user/new", await issuer.mint())).json()["key"] for _ in range(3)}
    assert len(keys) == 3 and len(litellm.users) == 2
    assert len(litellm.keys_of(ADA)) == 4, "and the one that the service itself has"
    for key in keys:
        assert (await gateway.chat(key)).status_code == 200


async def test_what_is_asked_for_is_clamped(gateway, issuer):
    body = {
        "max_budget": 1e9,
        "rpm_limit": 10**9,
        "models": [MODEL, "x"],
        "key_alias": "a",
        "duration": "1d",
    }
    made = (await gateway.post("/user/new", await issuer.mint(), body)).json()
    assert (made["max_budget"], made["rpm_limit"], made["models"]) == (50.0, 100, [MODEL])
    assert made["duration"] == "1d" and made["key_alias"] == "a"
    less = (await gateway.post("/user/new", await issuer.mint(), {"max_budget": 1})).json()
    assert less["max_budget"] == 1


async def test_who_matches_no_rule_gets_nothing(gateway, litellm, issuer):
    for token in (
        await issuer.mint("eve@elsewhere.org"),
        await issuer.mint(claims={"groups": ["banned", "admins"]}),
        await issuer.mint("default_user_id", claims={"groups": ["admins"]}),
    ):
        for answer in (await gateway.post("/user/new", token), await gateway.chat(token)):
            assert answer.status_code == 403, answer.text
            assert answer.json()["error"]["code"] == "nothing_granted"
    assert litellm.told == []


async def test_the_policy_may_make_administrators(gateway, litellm, issuer):
    token = await issuer.mint("root@example.com", claims={"groups": ["admins"]})
    made = (await gateway.post("/user/new", token)).json()
    assert made["user_role"] == litellm.users["root@example.com"]["user_role"] == "proxy_admin"
    assert (await gateway.post("/team/new", token, {"team_alias": "t"})).status_code == 200
    assert (await gateway.http.get("/audit", headers=bearer(token))).status_code == 200
    without = await issuer.mint("root@example.com")
    await gateway.chat(without)
    row = litellm.users["root@example.com"]
    assert row["user_role"] == "internal_user", "no longer in the group"
    (told,) = [body for path, _, body in litellm.told if path == "/user/update"]
    assert told["max_budget"] == 50.0, "with a role LiteLLM would set a budget of its own"


async def test_an_administrator_of_that_name_is_not_taken_over(gateway, litellm, issuer):
    litellm.add_user("boss@example.com", "proxy_admin")
    token = await issuer.mint("boss@example.com")
    for answer in (await gateway.post("/user/new", token), await gateway.chat(token)):
        assert answer.status_code == 403, answer.text
    assert litellm.told == []


@pytest.mark.parametrize(
    "header", ["authorization", "x-litellm-api-key", "api-key", "x-api-key", "x-goog-api-key"]
)
async def test_a_token_serves_where_a_key_does(gateway, litellm, issuer, header):
    token = await issuer.mint()
    answer = await gateway.chat(token, header)
    assert answer.status_code == 200, answer.text
    path, by = litellm.bearers[-1]
    assert path == "/v1/chat/completions" and by.startswith("sk-") and by != MASTER
    assert litellm.row(by)["user_id"] == ADA


async def test_on_all_interfaces_and_our_own_endpoints(gateway, litellm, issuer):
    token = await issuer.mint()
    body = {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
    converse = await gateway.post(f"/bedrock/model/{MODEL}/converse", token, body)
    assert converse.status_code == 200, converse.text
    session = converse.headers["x-session-id"]
    later = await issuer.mint()
    history = await gateway.post("/chat-history", later, {"session_id": session})
    assert history.status_code == 200, "the same owner with another token"
    listed = await gateway.http.get("/sessions", headers=bearer(later))
    assert [each["session_id"] for each in listed.json()["sessions"]] == [session]
    other = await gateway.post(
        "/chat-history", await issuer.mint("b@example.com"), {"session_id": session}
    )
    assert other.status_code == 404


async def test_a_refusal_speaks_the_protocol_of_its_interface(gateway, issuer):
    token = await issuer.mint(fault="expired")
    answer = await gateway.post(f"/bedrock/model/{MODEL}/converse", token, {"messages": []})
    assert answer.status_code == 403 or answer.status_code == 401
    assert "x-amzn-errortype" in answer.headers


async def test_keys_do_not_multiply(gateway, litellm, issuer):
    tokens = [await issuer.mint() for _ in range(12)]
    answers = await asyncio.gather(*(gateway.chat(token) for token in tokens))
    assert {answer.status_code for answer in answers} == {200}
    assert len(litellm.keys_of(ADA)) == 1
    assert [path for path, _, _ in litellm.told] == ["/user/new", "/key/generate"]


async def test_replicas_and_restarts_share_the_key(start, litellm, issuer):
    for _ in range(2):
        gateway = await start()
        assert (await gateway.chat(await issuer.mint())).status_code == 200
    first, second = await start(), await start()
    tokens = [await issuer.mint("new@example.com") for _ in range(6)]
    answers = await asyncio.gather(
        *(each.chat(token) for token in tokens for each in (first, second))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len(litellm.keys_of(ADA)) == 1 and len(litellm.keys_of("new@example.com")) == 1


async def test_a_changed_policy_reaches_the_user_and_the_key(start, litellm, issuer):
    await (await start()).chat(await issuer.mint())
    policy = copy.deepcopy(POLICY)
    policy["defaults"] |= {"max_budget": 10.0, "models": "all", "rpm_limit": None, "priority": 3}
    gateway = await start(policy)
    assert (await gateway.chat(await issuer.mint())).status_code == 200
    row, (key,) = litellm.users[ADA], litellm.keys_of(ADA)
    assert row["max_budget"] == key["max_budget"] == 10.0 and row["rpm_limit"] is None
    assert (
        row["models"] == ["all-proxy-models"] and key["models"] == [] and key["rpm_limit"] is None
    )
    assert key["metadata"]["gateway"]["priority"] == 3
    told = len(litellm.told)
    assert (await (await start(policy)).chat(await issuer.mint())).status_code == 200
    assert len(litellm.told) == told, "nothing to do"
    policy["defaults"]["models"] = [MODEL]
    await (await start(policy)).chat(await issuer.mint())
    assert litellm.users[ADA]["models"] == litellm.keys_of(ADA)[0]["models"] == [MODEL]


async def test_what_an_administrator_set_stays(start, litellm, issuer):
    await (await start()).chat(await issuer.mint())
    litellm.users[ADA] |= {"max_budget": 5.0, "models": ["other-model"]}
    litellm.users[ADA]["metadata"]["note"] = "of an administrator"
    policy = copy.deepcopy(POLICY)
    policy["defaults"]["rpm_limit"] = 99
    gateway = await start(policy)
    made = (await gateway.post("/user/new", await issuer.mint(), {"max_budget": 40})).json()
    assert (
        made["max_budget"] == 5.0 and made["models"] == ["other-model"] and made["rpm_limit"] == 99
    )
    row = litellm.users[ADA]
    assert row["max_budget"] == 5.0 and row["models"] == ["other-model"] and row["rpm_limit"] == 99
    assert row["metadata"]["note"] == "of an administrator"


async def test_a_user_who_was_there_already_is_narrowed_to_the_policy(gateway, litellm, issuer):
    litellm.add_user(ADA, max_budget=1e9, budget_duration="1mo", rpm_limit=7)
    await gateway.chat(await issuer.mint())
    row = litellm.users[ADA]
    assert row["max_budget"] == 50.0 and row["rpm_limit"] == 7
    assert row["models"] == [MODEL, "other-model"]


async def test_teams_come_and_go_with_the_rule(start, litellm, issuer):
    gateway = await start()
    in_team = await issuer.mint(claims={"groups": ["team"]})
    made = (await gateway.post("/user/new", in_team, {"team_id": "t1", "teams": ["t1"]})).json()
    assert made["team_id"] == "t1" and made["teams"] == ["t1"] and made["max_budget"] == 70.0
    assert made["model_rpm_limit"] == {MODEL: 7}
    await gateway.chat(await issuer.mint())
    assert litellm.users[ADA]["teams"] == []
    await (await start()).chat(in_team)
    assert litellm.users[ADA]["teams"] == ["t1"]


async def test_the_key_is_renewed_while_it_is_used(start, litellm, issuer):
    await (await start()).chat(await issuer.mint())
    (key,) = litellm.keys_of(ADA)
    key["expires"] = "2020-01-01T00:00:00+00:00"
    await (await start()).chat(await issuer.mint())
    assert key["expires"] > "2026"


async def test_a_rule_that_is_gone_grants_no_more_keys(start, litellm, issuer):
    made = (await (await start()).post("/user/new", await issuer.mint())).json()
    policy = copy.deepcopy(POLICY)
    policy["rules"] = policy["rules"][:2]
    gateway = await start(policy)
    answer = await gateway.post("/key/generate", made["key"])
    assert answer.status_code == 403 and "any more" in answer.text


async def test_keys_of_a_person_are_clamped_by_the_rule(gateway, litellm, issuer):
    made = (await gateway.post("/user/new", await issuer.mint())).json()
    body = {"user_id": ADA, "max_budget": 1e9, "max_parallel_requests": 99}
    for credential in (made["key"], await issuer.mint()):
        second = await gateway.post("/key/generate", credential, body)
        assert second.status_code == 200, second.text
        assert second.json()["max_budget"] == 50.0 and second.json()["max_parallel_requests"] == 5
        assert second.json()["metadata"]["gateway"] == {"rule": "people", "priority": 50}


async def test_a_users_email_may_be_taken(gateway, litellm, issuer):
    litellm.refuse.add("/user/new")
    answer = await gateway.chat(await issuer.mint())
    assert answer.status_code == 502 and answer.json()["error"]["code"] == "account_refused"
    litellm.refuse.clear()
    assert (await gateway.chat(await issuer.mint())).status_code == 200


async def test_realtime_takes_tokens_too(gateway, litellm, issuer):
    url = gateway.url.replace("http", "ws") + "/v1/realtime?model=x"
    for token in (await issuer.mint(), await issuer.mint(fault="expired")):
        with pytest.raises(websockets.exceptions.InvalidStatus):  # LiteLLM here speaks none
            async with websockets.connect(url, additional_headers=bearer(token)):
                pass
    assert len(litellm.keys_of(ADA)) == 1, "the good one was exchanged"


async def test_what_litellm_signs_itself_is_its_own(gateway, litellm):
    own = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoibGl0ZWxsbV9vbmJvYXJkaW5nIn0.c2ln"
    answer = await gateway.post("/onboarding/claim_token", own, {"password": "p"})
    assert answer.status_code == 200
    assert litellm.told[-1][:2] == ("/onboarding/claim_token", own)


async def test_the_audit_trail(gateway, litellm, issuer):
    token = await issuer.mint()
    made = (await gateway.post("/user/new", token, {"max_budget": 9}, params=None)).json()
    await gateway.post("/key/update", made["key"], {"key": made["key"], "rpm_limit": 2})
    litellm.add_user("grace")
    await gateway.post("/key/generate", litellm.give("grace"), {"key_alias": "g"})
    answer = await gateway.http.get("/audit", headers=bearer(MASTER))
    assert answer.status_code == 200, answer.text
    entries = answer.json()["entries"]
    assert [(each["subject"], each["action"], each["rule"]) for each in entries] == [
        ("grace", "key.created", None),
        (ADA, "key.updated", "people"),
        (ADA, "key.created", "people"),
        (ADA, "key.created", "people"),
        (ADA, "user.created", "people"),
    ]
    assert entries[2]["key_hash"] == hashlib.sha256(made["key"].encode()).hexdigest()
    assert entries[2]["granted"]["max_budget"] == 9 and entries[1]["granted"] == {"rpm_limit": 2}
    assert all(each["request_id"] and each["at"] for each in entries)
    assert made["key"] not in answer.text and token not in answer.text and MASTER not in answer.text


async def test_its_pages_and_who_may_read_them(gateway, litellm, issuer):
    for n in range(3):
        await gateway.chat(await issuer.mint(f"p{n}@example.com"))
    first = (await gateway.http.get("/audit?limit=4", headers=bearer(MASTER))).json()
    assert len(first["entries"]) == 4 and first["next"] == first["entries"][-1]["id"]
    second = (
        await gateway.http.get(f"/audit?limit=4&before={first['next']}", headers=bearer(MASTER))
    ).json()
    assert len(second["entries"]) == 2 and second["next"] is None
    of_one = (
        await gateway.http.get("/audit?subject=p1@example.com", headers=bearer(MASTER))
    ).json()
    assert {each["subject"] for each in of_one["entries"]} == {"p1@example.com"}
    litellm.add_user("viewer", "proxy_admin_viewer")
    for key, status in (
        (litellm.give("viewer"), 200),
        (await issuer.mint(), 403),
        (litellm.give("grace"), 403),
        ("sk-unknown", 401),
    ):
        answer = await gateway.http.get("/audit", headers=bearer(key))
        assert answer.status_code == status, answer.text
    for query in ("limit=0", "limit=1001", "before=x", "nonsense=1", "subject=%00"):
        answer = await gateway.http.get(f"/audit?{query}", headers=bearer(MASTER))
        assert answer.status_code == 400


async def test_nobody_rewrites_it(gateway, issuer, postgres_url):
    await gateway.chat(await issuer.mint())
    connection = await asyncpg.connect(postgres_url)
    for statement in ("UPDATE audit SET subject = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await connection.execute(statement)
    assert await connection.fetchval("SELECT count(*) FROM audit") == 2
    await connection.close()


async def test_what_cannot_be_recorded_is_not_given(gateway, litellm, issuer, postgres_url):
    litellm.add_user("grace")
    key = litellm.give("grace")
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("ALTER TABLE audit ADD CONSTRAINT no CHECK (subject = '') NOT VALID")
    for credential, path in ((key, "/key/generate"), (await issuer.mint(), "/user/new")):
        answer = await gateway.post(path, credential)
        assert answer.status_code == 500, answer.text
        assert "sk-" not in answer.text
    assert len(litellm.keys_of("grace")) == 1, "the one that was made is gone again"
    await connection.execute("ALTER TABLE audit DROP CONSTRAINT no")
    await connection.close()


async def test_nothing_secret_is_in_any_log(start, litellm, issuer, capsys, caplog):
    caplog.set_level("DEBUG")
    gateway = await start(log_level="debug")
    litellm.add_user("grace")
    key = litellm.give("grace")
    good = await issuer.mint()
    bad = [
        await issuer.mint(fault=fault)
        for fault in ("expired", "tampered", "crit", "unknown_kid", "alg_none", "id_token")
    ]
    made = []
    for token in (good, *bad, key):
        made.append(await gateway.post("/user/new", token, {"max_budget": "x"}))
        made.append(await gateway.post("/user/new", token, {}))
        made.append(await gateway.post("/key/generate", token, {}))
        made.append(await gateway.post(f"/key/{key}/regenerate", token, {}))
        made.append(await gateway.chat(token))
    litellm.refuse |= {"/user/new", "/key/generate"}
    await gateway.post("/user/new", await issuer.mint("z@example.com"), {})
    secrets = [MASTER, good, *bad, key, *(token.split(".")[2] for token in bad if token[-1] != ".")]
    secrets += [token.split(".")[1] for token in (good, *bad)]
    secrets += [row["key"] for answer in made if "key" in (row := answer.json())]
    secrets += [by for _, by in litellm.bearers if by]
    written = capsys.readouterr()
    log = written.out + written.err + caplog.text
    assert "token refused" in log
    for secret in secrets:
        assert secret not in log
        assert all(secret not in answer.text for answer in made if answer.status_code >= 400)


def test_a_policy_is_needed_for_an_issuer_and_checked_at_the_start(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(json.dumps({"rules": [{"name": "r", "match": {}, "grant": {"budget": 1}}]}))
    for policy, message in ((str(path), "budget"), ("", "MIDDLEWARE_IDENTITY_POLICY")):
        environment = {
            **os.environ,
            "MIDDLEWARE_LITELLM_KEY": "sk-x",
            "MIDDLEWARE_DATABASE_URL": "postgresql://127.0.0.1:1/x",
            "MIDDLEWARE_OKTA_ISSUER": "http://127.0.0.1:1/oidc",
            "MIDDLEWARE_IDENTITY_POLICY": policy,
        }
        run = subprocess.run(
            [sys.executable, "-m", "middleware"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 1 and message in run.stderr and "Traceback" not in run.stderr
