"""The containers of the gateway as processes on this machine.

Their environment is what the manifest, the addons and the Dockerfiles give them, to the letter; a variable
that is missing there is missing here. PostgreSQL and Redis are spoken to over TLS and ask for passwords. Only
the world outside is another: free ports, an authority of our own among those that are trusted, and the
simulator where OpenAI and Amazon Bedrock would be.
"""

from __future__ import annotations

import subprocess
import time

import certifi
import httpx
import psycopg
import pytest

from gateway_lib.local import ports
from gateway_lib.local.http import answers
from tests.conftest import wait_until
from tests.deploy import tree
from tests.deploy.conftest import VARIABLES

from .conftest import READ_ONLY
from .container import Container

pytestmark = pytest.mark.timeout(900)  # LiteLLM takes its time, and more of it on a busy machine

MODEL, BEDROCK_MODEL = "gpt-4o-mini", "us.anthropic.claude-haiku-4-5-20251001-v1:0"


def test_the_keys_are_such_as_litellm_takes(environments):
    litellm, middleware = environments["litellm"], environments["middleware"]
    master = litellm["LITELLM_MASTER_KEY"]
    assert master.startswith("sk-") and len(master) >= 48
    assert master == middleware["MIDDLEWARE_LITELLM_KEY"]
    assert litellm["LITELLM_SALT_KEY"] != master and len(litellm["LITELLM_SALT_KEY"]) >= 48
    assert litellm["DATABASE_PASSWORD"] == middleware["MIDDLEWARE_DATABASE_PASSWORD"]
    assert litellm["DATABASE_NAME"] != middleware["MIDDLEWARE_DATABASE_NAME"]


def test_a_chat_completion_and_a_converse_are_answered(doors):
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "echo: over TLS"}]}
    chat = doors[0].post("/v1/chat/completions", json=asked)
    assert chat.status_code == 200, chat.text
    assert "over TLS" in chat.json()["choices"][0]["message"]["content"]
    turn = {"messages": [{"role": "user", "content": [{"text": "echo: to Bedrock"}]}]}
    converse = doors[1].post(f"/bedrock/model/{BEDROCK_MODEL}/converse", json=turn)
    assert converse.status_code == 200, converse.text
    assert "to Bedrock" in converse.json()["output"]["message"]["content"][0]["text"]


def test_a_conversation_begun_at_one_task_goes_on_at_the_other(doors):
    first = {"model": MODEL, "messages": [{"role": "user", "content": "I am called Ada."}]}
    begun = doors[0].post("/v1/chat/completions", json={**first, "enable_history": True})
    session = begun.headers["x-session-id"]
    second = {"model": MODEL, "messages": [{"role": "user", "content": "echo: again"}]}
    went_on = doors[1].post("/v1/chat/completions", json={**second, "session_id": session})
    assert went_on.status_code == 200, went_on.text
    assert went_on.headers["x-session-id"] == session


def test_the_file_system_may_be_read_only(copilot, running, doors):
    production = tree.manifest(copilot / "gateway" / "manifest.yml", "prod", VARIABLES)
    assert production["storage"]["readonly_fs"] is True
    guarded = running[f"middleware-{READ_ONLY}"]
    attempt = "open('/tmp/anything', 'w')"
    done = subprocess.run(
        [guarded.command[0], "-c", attempt], env=guarded.environment, capture_output=True, text=True
    )
    assert "Read-only file system" in done.stderr  # so that it would have failed
    big = {"model": MODEL, "messages": [{"role": "user", "content": "long " * 400_000}]}
    answer = doors[READ_ONLY - 1].post("/v1/chat/completions", json=big)
    assert answer.status_code in (200, 400), (
        answer.text
    )  # the model's window may be too small for it
    assert "Read-only" not in guarded.log.read_text()


def test_nothing_went_in_the_clear(running, doors, outside):
    assert outside.database.refused == outside.redis.refused == 0
    assert outside.database.encrypted > 2
    assert outside.redis.encrypted > 0


def test_readiness_tells_the_hash_of_the_committed_configuration(doors):
    from gateway_lib.config import digest, load

    ready = doors[0].get("/readyz").json()
    assert ready["status"] == "ready"
    assert ready["config_hash"] == digest(load("aws", {}))


def test_both_databases_were_migrated(running, outside):
    for name, table in (("litellm", "LiteLLM_VerificationToken"), ("middleware", "sessions")):
        with psycopg.connect(outside.postgres.url(name)) as connection:
            found = connection.execute("SELECT 1 FROM pg_tables WHERE tablename = %s", [table])
            assert found.fetchone(), f"{name}.{table}"


def test_the_master_key_is_in_no_log_and_no_row(running, doors, outside, environments):
    """LiteLLM hashes a key for its records only where the key begins with `sk-`."""
    key = environments["litellm"]["LITELLM_MASTER_KEY"]
    test_a_chat_completion_and_a_converse_are_answered(doors)
    with psycopg.connect(outside.postgres.url("litellm")) as connection:

        def booked() -> list[tuple[str]]:
            return connection.execute('SELECT t::text FROM "LiteLLM_SpendLogs" t').fetchall()

        wait_until(lambda: len(booked()) >= 2, 90)
        assert not [row for row in booked() if key in row[0]]
    for each in running.values():
        assert key not in each.log.read_text()


@pytest.mark.parametrize("name", ["middleware", "litellm"])
def test_the_health_check_of_the_manifest_tells_life_from_death(copilot, running, images, name):
    gateway = tree.manifest(copilot / "gateway" / "manifest.yml", "dev", VARIABLES)
    parts = {"middleware": gateway["image"], "litellm": gateway["sidecars"]["litellm"]}
    kind, *words = parts[name]["healthcheck"]["command"]
    assert kind == "CMD"
    one = running["middleware-1" if name == "middleware" else name]
    listens = running["middleware-1"].environment["MIDDLEWARE_LITELLM_URL"].rpartition(":")[2]
    for port, own, status in ((listens, {}, 0), ("9", {"MIDDLEWARE_PORT": "9"}, 1)):
        placed = [images[name].placed(word).replace("4000", port) for word in words]
        done = subprocess.run(placed, env={**one.environment, **own}, cwd=one.folder, timeout=30)
        assert done.returncode == status, port


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("middleware", "MIDDLEWARE_LITELLM_KEY"),
        ("middleware", "MIDDLEWARE_DATABASE_HOST"),
    ],
)
def test_without_what_it_needs_a_middleware_does_not_start(running, name, missing, tmp_path):
    whole = running[f"{name}-1"]
    less = {k: v for k, v in whole.environment.items() if k != missing}
    alone = Container(whole.command, less, whole.folder, tmp_path / "log")
    assert alone.run_to_end(30) != 0
    assert missing.removeprefix("MIDDLEWARE_").lower() in alone.log.read_text()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MIDDLEWARE_DATABASE_CA", ""),  # the system's authorities, of which ours is one: see below
        ("MIDDLEWARE_DATABASE_PASSWORD", "another"),
        ("MIDDLEWARE_DATABASE_TLS", "false"),
    ],
)
def test_a_database_that_is_not_what_it_should_be_is_not_used(running, variable, value, tmp_path):
    whole = running["middleware-1"]
    port = ports.choose()
    changed = {**whole.environment, variable: value, "MIDDLEWARE_PORT": str(port)}
    if variable == "MIDDLEWARE_DATABASE_CA":
        changed["SSL_CERT_FILE"] = certifi.where()
    other = Container(whole.command, changed, whole.folder, tmp_path / "log")
    other.start()
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{url}/livez"))
        time.sleep(1.5)
        said = httpx.get(f"{url}/readyz", trust_env=False, timeout=60)
        assert said.status_code == 503
        assert said.json()["database"] == "disconnected"
    finally:
        other.stop()


def test_a_reference_that_was_not_resolved_is_no_key(running, tmp_path):
    reference = "sk-{{resolve:secretsmanager:arn:SecretString:key}}"
    for name, variable in (
        ("middleware-1", "MIDDLEWARE_LITELLM_KEY"),
        ("litellm", "LITELLM_MASTER_KEY"),
    ):
        whole = running[name]
        changed = {**whole.environment, variable: reference}
        other = Container(whole.command, changed, whole.folder, tmp_path / f"{name}.log")
        assert other.run_to_end(30) != 0
        assert "reference" in other.log.read_text()
