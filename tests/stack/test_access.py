"""Who may do what on which route: docs/access.yaml, asked by every caller on the whole gateway."""

from __future__ import annotations

import re
import secrets
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from middleware.app import _ROUTERS
from middleware.identity.routes import meaning

TABLE: dict[str, Any] = yaml.safe_load(
    (Path(__file__).resolve().parents[2] / "docs" / "access.yaml").read_text()
)
ROWS = [*TABLE["middleware"], *TABLE["calls"], *TABLE["litellm"]]
READING = frozenset(("GET", "HEAD", "OPTIONS"))


@pytest.fixture(scope="module")
def http(stack):
    with httpx.Client(base_url=stack.base_url, timeout=120, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def keys(stack, http) -> dict[str, str | None]:
    """What each caller sends."""
    master = stack.environment["GATEWAY_MASTER_KEY"]

    def made(path: str, **body: object) -> dict[str, Any]:
        answer = http.post(path, json=body, headers={"authorization": f"Bearer {master}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def of(role: str) -> str:
        name = f"{role}-{secrets.token_hex(4)}"
        made("/user/new", user_id=name, user_role=role, auto_create_key=False)
        return str(made("/key/generate", user_id=name)["key"])

    team = made("/team/new", team_alias=f"team-{secrets.token_hex(4)}")["team_id"]
    minted = httpx.post(
        f"{stack.environment['GATEWAY_SIMULATOR_URL']}/oidc/mint",
        json={"claims": {"sub": f"access-{secrets.token_hex(4)}@example.com"}},
        trust_env=False,
        timeout=60,
    )
    return {
        "nobody": None,
        "stranger": f"sk-{secrets.token_hex(12)}",
        "keyless": str(made("/key/generate")["key"]),
        "user": of("internal_user"),
        "team": str(made("/key/generate", team_id=team)["key"]),
        "onlooker": of("internal_user_viewer"),
        "token": minted.json()["access_token"],
        "viewer": of("proxy_admin_viewer"),
        "admin": of("proxy_admin"),
        "master": master,
    }


def asked(http, row: dict[str, Any], key: str | None) -> httpx.Response:
    method, path = row["route"].split(" ")
    path = path.replace("{session_id}", "00000000-0000-4000-8000-000000000000")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    body = {"json": row["body"]} if "body" in row else {}
    return http.request(method, re.sub(r"\{\w+\}", "none", path), headers=headers, **body)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["route"].replace(" ", "-"))
def test_each_caller_may_what_the_table_says_and_no_more(http, keys, row):
    allowed = set(TABLE["classes"][row["class"]]["allow"]) - set(row.get("but", ()))
    for who, key in keys.items():
        answer = asked(http, row, key)
        said = f"{who}: {answer.status_code} {answer.text[:300]}"
        if who in allowed:
            assert answer.status_code not in (401, 403), said
            assert answer.status_code < 500, said
            continue
        is_unknown = who in ("nobody", "stranger")
        if "/bedrock/" in row["route"]:
            assert answer.status_code == 403, said
            assert answer.headers["x-amzn-errortype"] == "AccessDeniedException", said
            assert set(answer.json()) == {"message"}
        else:
            # an internal user who only views is LiteLLM's own to refuse, which it does with 401
            expected = (401,) if is_unknown else (401, 403) if who in row.get("but", ()) else (403,)
            assert answer.status_code in expected, said
            assert answer.json()["error"]["message"], said


def test_every_route_of_the_service_is_in_the_table():
    known = {row["route"].partition("?")[0] for row in TABLE["middleware"]}
    served = {
        f"{method} {route.path}"
        for router in _ROUTERS
        for route in router.routes
        for method in route.methods - {"HEAD"}
    }
    assert served == known


@pytest.fixture(scope="module")
def writing(http, keys) -> list[tuple[str, str]]:
    """Method and path of whatever LiteLLM's own description says does not only read."""
    described = http.get("/openapi.json", headers={"authorization": f"Bearer {keys['master']}"})
    return [
        (method.upper(), path)
        for path, methods in described.json()["paths"].items()
        for method in methods
        if method.upper() not in READING
    ]


def test_what_litellm_has_that_writes_is_in_the_table_or_an_administrators(writing):
    """A route of LiteLLM's next version is nobody's until somebody has decided."""
    assert len(writing) > 300
    own: dict[str, list[str]] = {}
    for method, path in writing:
        if not meaning(path).is_managed:
            own.setdefault(path, []).append(method)
    assert {path: sorted(methods) for path, methods in own.items()} == TABLE["callers"]


THEIR_OWN = {"/key/generate", "/key/update", "/key/delete", "/key/health", "/tag/info", "/v2/key/info",
             "/guardrails/apply_guardrail", "/user/password/change"}  # fmt: skip


def test_what_is_an_administrators_is_refused_to_everybody_else(http, keys, writing):
    wrong = []
    for method, path in writing:
        plain = re.sub(r"\{[^}]*\}", "none", path)
        if not meaning(path).is_managed or plain in THEIR_OWN or plain.endswith("/regenerate"):
            continue
        for who in ("nobody", "stranger", "keyless", "user", "team", "onlooker", "viewer"):
            key = keys[who]
            headers = {"authorization": f"Bearer {key}"} if key else {}
            status = http.request(method, plain, json={}, headers=headers).status_code
            if status != (401 if who in ("nobody", "stranger") else 403):
                wrong.append(f"{who} {method} {plain}: {status}")
    assert wrong == []


GUARDED = [
    "/team/new",
    "/user/update",
    "/model/new",
    "/config/update",
    "/key/block",
    "/v1/mcp/server/register",
]
SPELLINGS = [
    "/{}", "//{}", "/{}/", "/{}//", "/./{}", "/v1/../{}", "/v1/%2e%2e/{}", "/x/..%2f{}", "/bedrock/../{}",
    "/bedrock/%2e%2e/{}", "/bedrock/model/../../{}", "/%2f{}", "/{};a=b", "/{}%00", "/{}%20", "/{}%23",
    "/{}%3f",
    "/\\{}", "/%5c{}", "/%252f{}", "http://elsewhere.example/{}", "/livez/../{}", "/sessions/%2e%2e/{}",
    "/ui/../{}", "/v1/{}", "/v2/{}", "/openai/../{}", "/mcp/../{}",
]  # fmt: skip
LETTERS = [str.upper, str.title, lambda path: path.replace("/", "%2F"), lambda path: path.replace("/", "//"),
           lambda path: f"%{ord(path[0]):x}{path[1:]}", lambda path: path.replace("/", ";/")]  # fmt: skip


@pytest.mark.parametrize("guarded", GUARDED)
def test_no_other_spelling_of_a_guarded_path_reaches_what_is_behind_it(stack, http, keys, guarded):
    alias = f"spelt-{secrets.token_hex(6)}"
    body = f'{{"team_alias": "{alias}", "user_id": "{alias}", "model_name": "{alias}", "server_name": "x", '
    body += f'"alias": "x", "url": "https://{alias}.example", "litellm_params": {{"model": "openai/x"}}}}'
    bare = guarded.removeprefix("/")
    spelt = [form.format(bare) for form in SPELLINGS] + ["/" + change(bare) for change in LETTERS]
    for path in spelt:
        for who in ("user", "team"):
            answer = raw(stack, path, body, keys[who])
            # refused here, or no path at all of LiteLLM's
            assert answer in (400, 403, 404, 405), f"{path}: {answer}"
    for listing in ("/team/list", "/model/info", "/user/list", "/v1/mcp/server"):
        seen = http.get(listing, headers={"authorization": f"Bearer {keys['master']}"})
        assert seen.status_code == 200 and alias not in seen.text, listing


def raw(stack, target: str, body: str, key: str) -> int:
    """The status of a POST whose target is sent as it is."""
    place = urlsplit(stack.base_url)
    head = [
        f"POST {target} HTTP/1.1",
        "host: gateway",
        f"authorization: Bearer {key}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
    ]
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body.encode())
        return int(connection.makefile("rb").readline().split()[1])


def test_a_head_without_an_end_is_ended(stack):
    """Whatever serves the door has to bound what it keeps of a request that nobody has authenticated."""
    place = urlsplit(stack.base_url)
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        try:
            connection.sendall(b"GET /livez HTTP/1.1\r\nhost: g\r\nx-endless: ")
            for _ in range(64):
                connection.sendall(b"x" * 65_536)
            got = connection.recv(65_536)
        except ConnectionError:
            return
        assert got == b"" or got.startswith(b"HTTP/1.1 431"), got[:200]
