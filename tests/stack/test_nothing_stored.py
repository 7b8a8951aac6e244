"""What the databases and Redis hold: no key in clear, and content only where it is kept."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest
import redis
from psycopg import sql

from gateway_lib.local import litellm
from gateway_lib.local.doors import DATABASE
from gateway_lib.local.postgres import Postgres
from tests.conftest import wait_until

from .callers import BEDROCK, OPENAI

pytestmark = pytest.mark.usefixtures("provider")


@pytest.fixture(scope="module")
def databases(stack) -> Iterator[dict[str, psycopg.Connection]]:
    (port,) = (part["port"] for part in stack.snapshot["components"] if part["name"] == "postgres")
    server = Postgres(stack.state, port, stack.state.secrets().postgres_password)
    found = {
        name: psycopg.connect(server.url(name), autocommit=True)
        for name in (DATABASE, litellm.DATABASE)
    }
    yield found
    for connection in found.values():
        connection.close()


@pytest.fixture(scope="module")
def cache(stack) -> Iterator[redis.Redis]:
    (port,) = (part["port"] for part in stack.snapshot["components"] if part["name"] == "redis")
    with redis.Redis("127.0.0.1", port, password=stack.state.secrets().redis_password) as client:
        yield client


def tables_with(connection: psycopg.Connection, text: str) -> set[str]:
    """The tables that have a row with a text anywhere in it."""
    names = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    ).fetchall()
    found = set()
    for (name,) in names:
        query = sql.SQL("SELECT count(*) FROM {} AS kept WHERE kept::text LIKE {}").format(
            sql.Identifier(name), sql.Literal(f"%{text}%")
        )
        if connection.execute(query).fetchone() != (0,):
            found.add(name)
    return found


def names_with(client: redis.Redis, text: str) -> set[bytes]:
    """The names in Redis below which a text is, or which have it."""
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda name: client.lrange(name, 0, -1),
        b"set": client.smembers,
        b"zset": lambda name: client.zrange(name, 0, -1),
        b"stream": client.xrange,
    }
    return {
        name
        for name in client.scan_iter()
        if text.encode() in name + repr(read[client.type(name)](name)).encode()
    }


def test_a_key_is_nowhere_in_clear(databases, cache, someone, caller):
    caller = someone()
    session = caller.begin("echo: hello")
    caller.converse("echo: hello")
    assert caller.history(session).status_code == 200
    for connection in databases.values():
        assert tables_with(connection, caller.key) == set()
    assert names_with(cache, caller.key) == set()


def test_what_is_said_is_kept_as_history_and_in_the_cache_of_answers(databases, cache, someone):
    caller, canary = someone(), f"canary{secrets.token_hex(8)}"
    answer = caller.http.post(
        "/v1/chat/completions",
        json={"model": OPENAI, "messages": [{"role": "user", "content": f"echo: {canary}"}]},
    )
    assert answer.status_code == 200
    caller.converse(f"echo: {canary}", BEDROCK)
    logged = answer.json()["id"]
    wait_until(lambda: "LiteLLM_SpendLogs" in tables_with(databases[litellm.DATABASE], logged), 90)
    assert tables_with(databases[litellm.DATABASE], canary) == set()
    assert tables_with(databases[DATABASE], canary) == {"turns", "answers"}
    assert canary.encode() not in b"".join(names_with(cache, canary))


def test_what_is_said_without_history_is_in_no_database(databases, someone):
    caller, canary = someone(), f"canary{secrets.token_hex(8)}"
    for fields in ({"enable_history": False}, {"store": False}):
        message = {"role": "user", "content": f"echo: {canary} {len(fields)}"}
        answer = caller.http.post(
            "/v1/chat/completions", json={"model": OPENAI, "messages": [message], **fields}
        )
        assert answer.status_code == 200, answer.text
        logged = answer.json()["id"]
        wait_until(
            lambda logged=logged: (
                "LiteLLM_SpendLogs" in tables_with(databases[litellm.DATABASE], logged)
            ),
            90,
        )
    for connection in databases.values():
        assert tables_with(connection, canary) == set()
