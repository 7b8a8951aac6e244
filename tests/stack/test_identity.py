"""The seed's examples of user management and of Okta, on the real gateway; the issuer is the simulator's.

As they are written there, apart from its slips: docs/identity.md lists them.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import boto3
import httpx
import openai
import pytest

from tests.conftest import wait_until

SONNET = "anthropic.claude-3-5-sonnet-20240620-v1:0"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
MODEL = "gpt-4o-mini"


class Api:
    """The gateway over http, with a key or a token for each call."""

    def __init__(self, http: httpx.Client, master: str) -> None:
        self.http = http
        self.master = master

    def post(self, path, body=None, key=None):
        headers = {"Authorization": f"Bearer {key or self.master}"}
        return self.http.post(path, json=body or {}, headers=headers)

    def get(self, path, key=None, **query):
        headers = {"Authorization": f"Bearer {key or self.master}"}
        return self.http.get(path, params=query, headers=headers)

    def new_user(self, **fields):
        body = {"user_email": f"{uuid.uuid4().hex}@example.com", "user_role": "internal_user"}
        answer = self.post("/user/new", {**body, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def say(self, key, text="hello", model=MODEL, **more):
        text = f"{text} {uuid.uuid4().hex}"  # LiteLLM would answer what it has been asked before at once
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return self.post("/v1/chat/completions", body, key)


@pytest.fixture(scope="module")
def api(stack):
    with httpx.Client(base_url=stack.base_url, timeout=60, trust_env=False) as http:
        yield Api(http, stack.environment["GATEWAY_MASTER_KEY"])


@pytest.fixture
def mint(stack):
    """Tokens of the simulator's issuer."""

    def minted(sub, **request):
        claims = {"sub": sub, **request.pop("claims", {})}
        url = f"{stack.environment['GATEWAY_SIMULATOR_URL']}/oidc/mint"
        answer = httpx.post(url, json={"claims": claims, **request}, trust_env=False)
        return answer.json()["access_token"]

    return minted


@pytest.fixture
def somebody():
    return f"{uuid.uuid4().hex[:12]}@mycompany.com"


@pytest.fixture
def slow(stack):
    """The model takes a second to answer, so that calls are open at the same time."""
    url = f"{stack.environment['GATEWAY_SIMULATOR_URL']}/control/profiles/{MODEL}"
    before = httpx.get(url, trust_env=False, timeout=60).json()["ttft_ms"]
    httpx.put(url, json={"ttft_ms": {"constant": 1500}}, trust_env=False).raise_for_status()
    yield
    httpx.put(url, json={"ttft_ms": before}, trust_env=False)


def early_in_a_minute():
    """Limits count calendar minutes; a window that turns over in the middle would let more through."""
    while time.time() % 60 > 45:
        time.sleep(0.5)


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


# the seed's examples with the master key


def test_a_new_user_has_the_default_budget_and_a_key(api):
    made = api.new_user()
    assert made["max_budget"] == 1000000000.0 and made["budget_duration"] == "1mo"
    assert made["user_role"] == "internal_user" and made["key"].startswith("sk-")
    assert api.say(made["key"]).status_code == 200


def test_a_budget_that_overrides_the_default(api):
    made = api.new_user(max_budget=1000.0, budget_duration="1mo")
    assert made["max_budget"] == 1000.0
    info = api.get("/user/info", user_id=made["user_id"]).json()["user_info"]
    assert (info["max_budget"], info["budget_duration"]) == (1000.0, "1mo")


def test_tokens_requests_and_parallel_requests(api, slow):
    made = api.new_user(tpm_limit=10000, rpm_limit=10, max_parallel_requests=2)
    info = api.get("/user/info", user_id=made["user_id"]).json()["user_info"]
    assert (info["tpm_limit"], info["rpm_limit"], info["max_parallel_requests"]) == (10000, 10, 2)
    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda n: api.say(made["key"], f"{n}").status_code, range(6)))
    assert sorted(statuses) == [200, 200, 429, 429, 429, 429]


def test_ten_requests_a_minute(api):
    made = api.new_user(rpm_limit=10)
    early_in_a_minute()
    statuses = [api.say(made["key"], f"{n}").status_code for n in range(12)]
    assert statuses == [200] * 10 + [429] * 2


def test_tokens_a_minute(api):
    made = api.new_user(tpm_limit=1)
    statuses = [api.say(made["key"], f"{n}", max_tokens=40).status_code for n in range(3)]
    assert 429 in statuses


def test_only_some_models(api):
    made = api.new_user(models=[SONNET, HAIKU])
    assert api.say(made["key"], model=HAIKU).status_code == 200
    refused = api.say(made["key"])
    assert refused.status_code in (401, 403) and MODEL in refused.text


def test_limits_of_single_models(api):
    made = api.new_user(
        model_rpm_limit={SONNET: 5, HAIKU: 10}, model_tpm_limit={SONNET: 10000, HAIKU: 20000}
    )
    assert made["model_rpm_limit"] is None, "in effect, and not in the answer"
    info = api.get("/user/info", user_id=made["user_id"]).json()["user_info"]
    assert info["metadata"]["model_rpm_limit"] == {SONNET: 5, HAIKU: 10}
    assert info["metadata"]["model_tpm_limit"] == {SONNET: 10000, HAIKU: 20000}
    early_in_a_minute()
    statuses = [api.say(made["key"], f"{n}", SONNET).status_code for n in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    assert api.say(made["key"], model=HAIKU).status_code == 200


# the seed's examples with an Okta token


def test_a_token_makes_its_subject_a_user(api, mint, somebody):
    answer = api.post("/user/new", {}, mint(somebody))
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert made["user_id"] == made["user_email"] == somebody
    assert made["user_role"] == "internal_user" and made["budget_duration"] == "1mo"
    of_the_seed = (
        "key_alias duration models spend max_budget user_id team_id max_parallel_requests metadata"
        " tpm_limit rpm_limit budget_duration allowed_cache_controls config permissions"
        " model_max_budget model_rpm_limit model_tpm_limit guardrails blocked aliases key key_name"
        " expires token_id user_email user_role teams user_alias"
    )
    assert set(of_the_seed.split()) <= made.keys()
    assert api.say(made["key"]).status_code == 200
    info = api.get("/user/info", made["key"], user_id=somebody).json()
    assert info["user_info"]["max_budget"] == 100.0 and info["user_info"]["rpm_limit"] == 600
    assert info["user_info"]["user_role"] == "internal_user"


def test_the_second_time_the_key_is_a_fresh_one(api, mint, somebody):
    first = api.post("/user/new", {}, mint(somebody)).json()["key"]
    again = api.post("/user/new", {}, mint(somebody))
    assert again.status_code == 200, again.text
    assert again.json()["key"] != first and again.json()["user_id"] == somebody
    for key in (first, again.json()["key"]):
        assert api.say(key).status_code == 200


def test_more_keys_of_the_user_with_its_key(api, mint, somebody):
    first = api.post("/user/new", {}, mint(somebody)).json()["key"]
    second = api.post("/key/generate", {"user_id": somebody}, first)
    assert second.status_code == 200, second.text
    made = second.json()
    assert (
        made["user_id"] == somebody
        and made["key"] != first
        and made["key_name"].startswith("sk-...")
    )
    assert made["token_id"] and made["max_budget"] == 100.0
    assert api.say(made["key"]).status_code == 200


def test_nobody_helps_themselves(api, mint, somebody):
    greedy = {
        "max_budget": 1e9,
        "rpm_limit": 10**6,
        "tpm_limit": 10**9,
        "max_parallel_requests": 10**4,
    }
    made = api.post("/user/new", greedy, mint(somebody)).json()
    assert (made["max_budget"], made["rpm_limit"], made["tpm_limit"]) == (100.0, 600, 1000000)
    assert made["max_parallel_requests"] == 50
    key = made["key"]
    for path, body, status in (
        ("/user/new", {"user_role": "proxy_admin"}, 403),
        ("/user/new", {"allowed_routes": ["/*"]}, 400),
        ("/user/new", {"teams": ["t"]}, 403),
    ):
        assert api.post(path, body, mint(somebody)).status_code == status
    for path, body, status in (
        ("/user/update", {"user_id": somebody, "user_role": "proxy_admin"}, 403),
        ("/user/update", {"user_id": somebody, "max_budget": 1e9}, 403),
        ("/key/generate", {"permissions": {"get_spend_routes": True}}, 400),
        ("/key/generate", {"user_id": "demo"}, 403),
        (
            "/key/update",
            {"key": key, "temp_budget_increase": 1e6, "temp_budget_expiry": "2999-01-01"},
            400,
        ),
        ("/key/update", {"key": key, "spend": 0.5}, 400),
        ("/team/new", {"team_alias": "mine"}, 403),
    ):
        answer = api.post(path, body, key)
        assert answer.status_code == status, (path, body, answer.text)
    changed = api.post(
        "/key/update", {"key": key, "rpm_limit": 5000, "key_alias": f"of {somebody}"}, key
    )
    assert changed.status_code == 200, changed.text
    row = api.get("/key/info", key).json()["info"]
    assert row["rpm_limit"] == 600 and row["key_alias"] == f"of {somebody}"
    api.post("/key/update", {"key": key, "max_budget": None, "rpm_limit": None}, key)
    row = api.get("/key/info", key).json()["info"]
    assert row["max_budget"] == 100.0 and row["rpm_limit"] == 600


def test_a_users_own_limits_take_effect(api, mint, somebody, slow):
    made = api.post("/user/new", {"models": [HAIKU], "rpm_limit": 2}, mint(somebody)).json()
    assert api.say(made["key"]).status_code in (401, 403)
    early_in_a_minute()
    statuses = [api.say(made["key"], f"{n}", HAIKU).status_code for n in range(4)]
    assert statuses.count(429) >= 2 and 200 in statuses
    few = api.post("/user/new", {"max_parallel_requests": 1}, mint(somebody)).json()
    with ThreadPoolExecutor(3) as pool:
        statuses = list(pool.map(lambda n: api.say(few["key"], f"{n}").status_code, range(3)))
    assert sorted(statuses) == [200, 429, 429]


def test_bad_tokens_are_refused(api, mint, somebody):
    for fault in ("expired", "alg_none", "hs256_with_public_key", "wrong_audience", "id_token"):
        for answer in (api.post("/user/new", {}, mint(somebody, fault=fault)),):
            assert answer.status_code == 401, answer.text
    assert api.get("/v2/user/info", user_id=somebody).status_code == 404


def test_the_token_itself_serves_as_a_key(api, stack, mint, somebody):
    token = mint(somebody)
    client = openai.OpenAI(
        base_url=stack.environment["OPENAI_BASE_URL"], api_key=token, max_retries=0
    )
    reply = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "echo: by token"}]
    )
    assert reply.choices[0].message.content == "by token"
    pieces = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "echo: in pieces"}], stream=True
    )
    assert "".join(p.choices[0].delta.content or "" for p in pieces if p.choices) == "in pieces"
    vectors = client.embeddings.create(model="text-embedding-3-small", input="x")
    assert vectors.data[0].embedding
    threads = [threading.Thread(target=api.say, args=(mint(somebody), f"{n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert api.get("/key/list", user_id=somebody).json()["total_count"] == 1
    spent = lambda: api.get("/v2/user/info", user_id=somebody).json()["spend"]  # noqa: E731
    wait_until(lambda: spent() > 0)


def test_and_for_boto3(stack, mint, somebody, monkeypatch):
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", mint(somebody))
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=stack.environment["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"],
        region_name="us-east-1",
        verify=stack.environment["AWS_CA_BUNDLE"],
    )
    content = [{"text": "echo: converse by token"}]
    reply = client.converse(modelId=MODEL, messages=[{"role": "user", "content": content}])
    assert reply["output"]["message"]["content"][0]["text"] == "converse by token"


@pytest.fixture
def ui_of_the_administrator(api, stack):
    """Signed in to the UI; LiteLLM knows its administrator as a user, who can invite, from then on."""
    sent = {"username": "admin", "password": stack.state.secrets().ui_password}
    return claims_of(api.http.post("/v2/login", json=sent).json()["token"])["key"]


def test_an_invited_user_signs_in_to_the_ui_and_makes_a_key_there(
    api, somebody, ui_of_the_administrator
):
    api.new_user(user_id=somebody, user_email=somebody, max_budget=50.0, models=[MODEL])
    invited = api.post("/invitation/new", {"user_id": somebody}, ui_of_the_administrator).json()
    opened = api.http.get("/onboarding/get_token", params={"invite_link": invited["id"]}).json()
    password = "Correct-Horse-Battery-77!"
    claim = {"invitation_link": invited["id"], "user_id": somebody, "password": password}
    claimed = api.post("/onboarding/claim_token", claim, claims_of(opened["token"])["key"])
    assert claimed.status_code == 200, claimed.text
    signed_in = api.http.post("/v2/login", json={"username": somebody, "password": password})
    assert signed_in.status_code == 200, signed_in.text
    session = claims_of(signed_in.json()["token"])["key"]
    as_the_ui_sends_it = {
        "key_alias": f"ui {somebody}",
        "user_id": somebody,
        "models": [],
        "key_type": "default",
        "duration": None,
        "max_budget": 30,
        "metadata": {"description": "made in the UI"},
        "disable_global_guardrails": False,
        "guardrails": [],
    }
    made = api.post("/key/generate", as_the_ui_sends_it, session)
    assert made.status_code == 200, made.text
    assert made.json()["max_budget"] == 30.0 and made.json()["models"] == [MODEL]
    greedy = api.post("/key/generate", {"user_id": somebody, "max_budget": 300}, session)
    assert greedy.json()["max_budget"] == 50.0
    assert api.post("/key/generate", {"aliases": {MODEL: "gpt-4o"}}, session).status_code == 400
    listed = api.get("/key/list", session)
    assert listed.status_code == 200 and listed.json()["total_count"] >= 2
    deleted = api.post("/key/delete", {"keys": [made.json()["key"]]}, session)
    assert deleted.status_code == 200, deleted.text


def test_the_administrator_works_in_the_ui_as_ever(api, ui_of_the_administrator):
    body = {"user_role": "internal_user", "aliases": {}}
    made = api.post("/user/new", body, ui_of_the_administrator)
    assert made.status_code == 200, made.text
    body = {"team_alias": f"t {uuid.uuid4().hex}"}
    team = api.post("/team/new", body, ui_of_the_administrator)
    assert team.status_code == 200, team.text


def test_the_audit_trail_has_all_of_it_and_no_key(api, stack, mint, somebody):
    made = api.post("/user/new", {"max_budget": 7}, mint(somebody)).json()
    entries = api.get("/audit", subject=somebody).json()["entries"]
    actions = [entry["action"] for entry in entries]
    assert actions == ["key.created", "key.created", "user.created"]
    assert entries[0]["granted"]["max_budget"] == 7 and entries[0]["rule"] == "everybody"
    assert entries[0]["key_hash"] == made["token_id"]
    assert api.get("/audit", made["key"]).status_code == 403


def test_no_secret_is_in_any_log(api, stack, mint, somebody):
    token = mint(somebody)
    made = api.post("/user/new", {}, token).json()
    api.say(token)
    api.post("/key/generate", {"nonsense": 1}, made["key"])
    bad = mint(somebody, fault="expired")
    api.say(bad)
    deleted = api.post("/key/generate", {}, made["key"]).json()["key"]
    api.post("/key/delete", {"keys": [deleted]})
    api.say(deleted)
    logs = {path.name: path.read_text(errors="replace") for path in stack.state.logs.iterdir()}
    assert {"middleware.log", "litellm.log", "postgres.log", "redis.log"} <= set(logs)
    for name, log in logs.items():
        for secret in (api.master, token, bad, token.split(".")[2], made["key"], deleted):
            assert secret not in log, name
