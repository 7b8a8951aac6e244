"""The real LiteLLM proxy on the engine: users, keys, teams, budgets, spend; and nothing fetched."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import psycopg
import pytest
import yaml

from gateway_lib.local import ports, prisma
from gateway_lib.local.postgres import Postgres

T = TypeVar("T")
CLOSED = "http://127.0.0.1:9"
CONFIGURATION = {
    "model_list": [
        {
            "model_name": "small",
            "litellm_params": {
                "model": "openai/small",
                "api_key": "unused",
                "mock_response": "an answer",
                "input_cost_per_token": 0.001,
                "output_cost_per_token": 0.002,
            },
        }
    ],
    "general_settings": {"proxy_batch_write_at": 1, "store_model_in_db": True},
}


@dataclass
class Proxy:
    """LiteLLM, running."""

    url: str
    database: str
    home: Path
    log: Path
    pid: int
    http: httpx.Client

    def post(self, path: str, **body: Any) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def get(self, path: str, **parameters: Any) -> Any:
        answer = self.http.get(path, params=parameters)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def ask(self, key: str, text: str = "a question") -> httpx.Response:
        return httpx.post(
            f"{self.url}/v1/chat/completions",
            headers={"Authorization": f"Bearer {key}"},
            json={"model": "small", "messages": [{"role": "user", "content": text}]},
            timeout=30,
        )

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(query, values).fetchall()


def soon(ask: Callable[[], T], seconds: float = 30) -> T:
    """What `ask` answers once that is true of it."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)
    return answer


@pytest.fixture(scope="module")
def proxy(
    engine: prisma.Engine, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("litellm")
    home, log = folder / "home", folder / "litellm.log"
    home.mkdir()
    configuration = folder / "config.yaml"
    configuration.write_text(yaml.safe_dump(CONFIGURATION))
    postgres.ensure_database("litellm_alone")
    database = postgres.url("litellm_alone")
    prisma.migrate(database)
    master, port = f"sk-{secrets.token_hex(16)}", ports.choose()
    environment = {
        **engine.environment,
        "DATABASE_URL": database,
        "LITELLM_MASTER_KEY": master,
        "LITELLM_SALT_KEY": f"sk-{secrets.token_hex(16)}",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_TELEMETRY": "False",
        "HOME": str(home),
        "HTTP_PROXY": CLOSED,
        "HTTPS_PROXY": CLOSED,
        "NO_PROXY": "127.0.0.1,localhost",
        "NPM_CONFIG_REGISTRY": CLOSED,
    }
    program = str(Path(sys.executable).with_name("litellm"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, f"--config={configuration}", "--host=127.0.0.1", f"--port={port}"],
            env={**os.environ, **environment},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {master}"}, timeout=30)
    try:
        soon(lambda: process.poll() is not None or _connected(http), 180)
        assert process.poll() is None, log.read_text()[-3000:]
        yield Proxy(url, database, home, log, process.pid, http)
    finally:
        http.close()
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _connected(http: httpx.Client) -> bool:
    try:
        answer = http.get("/health/readiness")
    except httpx.TransportError:
        return False
    return answer.status_code == 200 and answer.json().get("db") == "connected"


def test_a_key_is_used_and_its_spend_is_booked(proxy: Proxy) -> None:
    user = proxy.post(
        "/user/new",
        user_id="ada",
        user_email="ada@example.org",
        max_budget=10,
        auto_create_key=False,
    )
    assert (user["user_id"], user["max_budget"]) == ("ada", 10.0)
    key = proxy.post(
        "/key/generate",
        user_id="ada",
        models=["small"],
        max_budget=5,
        metadata={"purpose": 'tests "ü" 😀', "n": [1, 2.5, None]},
    )["key"]
    proxy.post("/key/update", key=key, key_alias="ada's key", tpm_limit=2**40, duration="1d")
    info = proxy.get("/key/info", key=key)["info"]
    assert (info["key_alias"], info["tpm_limit"], info["spend"]) == ("ada's key", 2**40, 0.0)
    assert info["metadata"]["purpose"] == 'tests "ü" 😀'
    assert info["metadata"]["n"] == [1, 2.5, None]

    answers = [
        proxy.ask(key, f"question {number} with 'quotes' and \\ and ü") for number in range(3)
    ]
    assert [answer.text for answer in answers if answer.status_code != 200] == []
    usage = answers[0].json()["usage"]
    cost = sum(
        0.001 * answer.json()["usage"]["prompt_tokens"]
        + 0.002 * answer.json()["usage"]["completion_tokens"]
        for answer in answers
    )
    assert usage["total_tokens"] > 0

    soon(lambda: proxy.get("/key/info", key=key)["info"]["spend"] >= cost * 0.999)
    booked = proxy.get("/key/info", key=key)["info"]["spend"]
    assert booked == pytest.approx(cost)
    soon(lambda: proxy.get("/user/info", user_id="ada")["user_info"]["spend"] >= cost * 0.999)
    found = 'SELECT spend, total_tokens, model_group FROM "LiteLLM_SpendLogs" WHERE "user" = %s'
    soon(lambda: len(proxy.rows(found, "ada")) == 3)
    logs = proxy.rows(found, "ada")
    assert sum(row[0] for row in logs) == pytest.approx(cost)
    ((spend, requests),) = soon(
        lambda: proxy.rows(
            'SELECT spend, api_requests FROM "LiteLLM_DailyUserSpend"'
            " WHERE user_id = %s AND api_requests = 3",
            "ada",
        )
    )
    assert (spend, requests) == (pytest.approx(cost), 3)
    day = time.strftime("%Y-%m-%d", time.gmtime())
    activity = proxy.get("/user/daily/activity", start_date=day, end_date=day)
    assert activity["metadata"]["total_api_requests"] == 3
    shown = proxy.get("/spend/logs", user_id="ada")
    assert sum(len(day_or_row.get("users", {"": 1})) for day_or_row in shown) > 0


def test_teams_and_budgets(proxy: Proxy) -> None:
    proxy.post("/user/new", user_id="bob", auto_create_key=False)
    budget = proxy.post("/budget/new", budget_id="small-change", max_budget=1.5, tpm_limit=10)
    assert budget["budget_id"] == "small-change"
    team = proxy.post(
        "/team/new",
        team_alias="blue",
        models=["small"],
        members_with_roles=[{"role": "admin", "user_id": "bob"}],
        metadata={"colour": "blue"},
    )["team_id"]
    proxy.post(
        "/team/member_add",
        team_id=team,
        member={"role": "user", "user_id": "cid"},
        max_budget_in_team=3,
    )
    info = proxy.get("/team/info", team_id=team)
    assert {member["user_id"] for member in info["team_info"]["members_with_roles"]} >= {
        "bob",
        "cid",
    }
    assert info["team_info"]["metadata"]["colour"] == "blue"
    (membership,) = (each for each in info["team_memberships"] if each["user_id"] == "cid")
    assert membership["litellm_budget_table"]["max_budget"] == 3.0
    proxy.post("/team/update", team_id=team, max_budget=7, team_alias="navy")
    proxy.post("/team/member_update", team_id=team, user_id="cid", max_budget_in_team=4)
    key = proxy.post("/key/generate", team_id=team, user_id="cid")["key"]
    assert proxy.ask(key).status_code == 200
    soon(
        lambda: proxy.rows(
            'SELECT 1 FROM "LiteLLM_DailyTeamSpend" WHERE team_id = %s AND spend > 0', team
        )
    )
    soon(lambda: proxy.get("/team/info", team_id=team)["team_info"]["spend"] > 0)
    listed = proxy.get("/key/list", team_id=team, return_full_object=True)
    assert [each["user_id"] for each in listed["keys"]] == ["cid"]
    proxy.post("/team/member_delete", team_id=team, user_id="cid")
    proxy.post("/key/block", key=proxy.post("/key/generate")["key"])
    proxy.post("/team/delete", team_ids=[team])
    assert proxy.ask(key).status_code == 401


def test_limits_and_refusals(proxy: Proxy) -> None:
    proxy.post("/user/new", user_id="dan", auto_create_key=False)
    assert proxy.http.post("/user/new", json={"user_id": "dan"}).status_code in (400, 409)
    key = proxy.post("/key/generate", user_id="dan", rpm_limit=5)["key"]
    statuses = [proxy.ask(key).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    assert proxy.ask("sk-nobody").status_code == 401
    poor = proxy.post("/key/generate", user_id="dan", max_budget=0.0000001)["key"]
    assert proxy.ask(poor).status_code == 200
    soon(lambda: "budget_exceeded" in proxy.ask(poor).text)
    proxy.post("/key/delete", keys=[key, poor])
    assert proxy.ask(key).status_code == 401
    proxy.post("/user/delete", user_ids=["dan"])
    listed = proxy.get("/user/list", page=1, page_size=50)
    assert "dan" not in {user["user_id"] for user in listed["users"]}


def test_models_and_settings_in_the_database(proxy: Proxy) -> None:
    created = proxy.post(
        "/model/new",
        model_name="stored",
        litellm_params={"model": "openai/stored", "api_key": "secret", "mock_response": "stored"},
        model_info={"id": "stored-model"},
    )
    assert created["model_id"] == "stored-model"
    ((params,),) = proxy.rows(
        'SELECT litellm_params FROM "LiteLLM_ProxyModelTable" WHERE model_id = %s', "stored-model"
    )
    assert isinstance(params, dict)
    assert params["api_key"] != "secret"
    proxy.post(
        "/credentials", credential_name="c", credential_values={"k": "v"}, credential_info={}
    )
    assert proxy.get("/credentials")["credentials"][0]["credential_name"] == "c"
    proxy.post("/tag/new", name="tagged", description="d", models=[])
    assert "tagged" in {each["name"] for each in proxy.get("/tag/list")}
    proxy.post("/model/delete", id="stored-model")


def test_fifty_users_at_once(proxy: Proxy) -> None:
    def one(number: int) -> str:
        return str(proxy.post("/user/new", user_id=f"many-{number}")["key"])

    with ThreadPoolExecutor(10) as pool:
        keys = list(pool.map(one, range(50)))
    assert len(set(keys)) == 50
    assert proxy.rows(
        "SELECT count(*) FROM \"LiteLLM_UserTable\" WHERE user_id LIKE 'many-%%'"
    ) == [(50,)]


def test_the_engine_is_replaced_when_it_dies(proxy: Proxy) -> None:
    def engines() -> list[psutil.Process]:
        children = psutil.Process(proxy.pid).children(recursive=True)
        return [each for each in children if each.name().startswith("query-engine")]

    for _ in range(3):
        (before,) = engines()
        before.kill()
        soon(lambda pid=before.pid: pid not in [each.pid for each in engines()] and engines(), 60)
        soon(lambda: proxy.http.post("/key/generate", json={}).status_code == 200, 60)
        assert len(engines()) == 1


def test_lost_connections_are_made_again(proxy: Proxy) -> None:
    with psycopg.connect(proxy.database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    soon(lambda: proxy.http.post("/key/generate", json={}).status_code == 200, 60)
    assert proxy.get("/health/readiness")["db"] == "connected"


def test_nothing_was_fetched_or_left_in_the_home(proxy: Proxy) -> None:
    log = proxy.log.read_text()
    assert list(proxy.home.iterdir()) == []
    for sign in (
        "Installing",
        "nodeenv",
        "npm",
        "127.0.0.1:9",
        "db push",
        "No connected db",
        "_Prisma__engine",
    ):
        assert sign not in log, sign
