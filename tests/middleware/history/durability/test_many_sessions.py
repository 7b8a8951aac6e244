"""A hundred thousand sessions: what one costs does not grow with the number of the others."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from middleware import migrations
from middleware.auth import Identity
from middleware.history.archive import _SESSIONS, _TURNS
from middleware.history.retention import _DELETE, _TAKE
from middleware.history.store import _CONTINUE, _END, _OPEN, _WHOLE, owned_by
from middleware.stores import Postgres
from tests.conftest import wait_until
from tests.middleware.history.conftest import KEY, bearer

from .servers import Database

NAME = "many_sessions"
HASH = hashlib.sha256(KEY.encode()).hexdigest()
TURNS = 200_998
# half of them belong to one key, and one has a thousand turns
_SEED = f"""
    INSERT INTO sessions (id, key_hash, user_id, opened_at)
    SELECT md5(n::text)::uuid, CASE WHEN n % 2 = 0 THEN '{HASH}' ELSE md5((n % 1000)::text) END,
           'user ' || n % 1000, now() - n * interval '1 minute'
    FROM generate_series(1, 100000) AS n;
    INSERT INTO turns (session_id, interface, model, request_id, messages, plain, size, accepted_at)
    SELECT id, 'openai', 'm', 'r', '[{{"role":"user","content":"hi"}}]', true, 33, opened_at
    FROM sessions, generate_series(1, 2);
    INSERT INTO turns (session_id, interface, model, request_id, messages, plain, size, accepted_at)
    SELECT md5('4')::uuid, 'openai', 'm', 'r', '[{{"role":"user","content":"hi"}}]', true, 33, now()
    FROM generate_series(1, 998);
    INSERT INTO answers (turn_id, complete, status, message, plain, size)
    SELECT id, true, 200, '{{"role":"assistant","content":"ho"}}', true, 35
    FROM turns WHERE id < {TURNS};
    ANALYZE;
"""
OWNER, _ = owned_by(Identity(HASH), False, 2)
QUESTION = ("openai", "m", "r", '[{"role":"user","content":"hi"}]', True, 33)
REPLY = (True, 200, "{}", True, 2, "m", "{}", 0.1)
LIMITS = (10_000, 2**25)
OLDER = (datetime.now(UTC) - timedelta(minutes=50_000), str(UUID(int=2**128 - 1)))
SMALL, LONG = (str(UUID(hashlib.md5(name).hexdigest())) for name in (b"2", b"4"))


def continued(session: str) -> tuple[str, tuple[Any, ...]]:
    return _CONTINUE.format(owner=OWNER), (session, HASH, *QUESTION, *LIMITS)


def listed(owner: str, value: str, place: str = "true", *more: Any) -> tuple[str, tuple[Any, ...]]:
    return _SESSIONS.format(owner=owner, place=place), (value, 100, *more)


AFTER = "(opened_at, id) < ($3, $4)"
STATEMENTS = {
    "open": ((_OPEN, (str(uuid4()), HASH, "ada", *QUESTION)), 50),
    "continue": (continued(SMALL), 50),
    "continue a long one": (continued(LONG), 5000),
    "end": ((_END, (TURNS, *REPLY)), 30),
    "open and end": ((_WHOLE, (str(uuid4()), HASH, "ada", OLDER[0], *QUESTION, *REPLY)), 80),
    "read": ((_TURNS, (SMALL, 0, 1000)), 30),
    "read a page of a long one": ((_TURNS, (LONG, 0, 100)), 600),
    "one": (listed("id = $1", SMALL), 30),
    "list a key's": (listed("key_hash = $1", HASH), 800),
    "list a key's older ones": (listed("key_hash = $1", HASH, AFTER, *OLDER), 800),
    "list a user's": (listed("user_id = $1", "user 7"), 800),
    "list everybody's": (listed("$1 = ''", ""), 800),
    "list everybody's older ones": (listed("$1 = ''", "", AFTER, *OLDER), 800),
    "take old ones": ((_TAKE, (30.0, 100)), 1000),
    "delete old ones": ((_DELETE, (30.0, [SMALL])), 50),
}


@pytest.fixture(scope="module")
async def seeded(postgres: Database) -> AsyncIterator[psycopg.Connection]:
    """A connection as the service has them, to a database with very much in it."""
    postgres.ensure_database(NAME)
    url = postgres.url_of(NAME)
    await migrations.upgrade(Postgres({"dsn": url}))
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(_SEED)
        connection.execute("SET jit = off")
        yield connection


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_reads_by_indexes_and_not_more_than_it_needs(seeded, name, plan):
    (statement, arguments), most = STATEMENTS[name]
    read, blocks = explained(seeded, statement, arguments, plan)
    assert read <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, read
    assert 0 < blocks <= most


@pytest.fixture
def postgres_url(seeded, postgres: Database) -> str:
    """The same database, for replicas."""
    return postgres.url_of(NAME)


async def test_the_service_never_reads_a_whole_table(seeded, client, replicas, http):
    before = scans(seeded)
    url = replicas[0].url
    for n in range(12):  # after five times a statement may get another plan
        opened = await client.ask(f"open {n}", url=url)
        outcomes = [opened, await client.ask(f"go on {n}", opened.session, url=url)]
        outcomes.append(await client.ask(f"long {n}", LONG, url=url))
        assert all(one.answer for one in outcomes)
        for body in ({}, {"after": SMALL}):
            async with http.post(f"{url}/session-ids", json=body, headers=bearer(KEY)) as listed:
                assert len((await listed.json())["session_ids"]) == 1000
        assert (await client.history(opened.session))[0] == 200
        path = f"{url}/sessions/{opened.session}"
        async with http.get(path, headers=bearer(KEY)) as one:
            assert (await one.json())["turns"] == 2
        async with http.delete(path, headers=bearer(KEY)) as deleted:
            assert deleted.status == 200
    for server in replicas:
        server.stop()
    wait_until(lambda: clients(seeded) == 1)  # the others have said what they have read
    for (whole, by_index), (whole_then, by_index_then) in zip(scans(seeded), before, strict=True):
        assert whole == whole_then and by_index > by_index_then


def explained(
    connection: psycopg.Connection, statement: str, arguments: tuple[Any, ...], plan: str
) -> tuple[set[str], int]:
    """How a statement reads tables, and how many blocks it touches; it is carried out and taken back."""
    places = ", ".join(["%s"] * len(arguments))
    connection.execute("DEALLOCATE ALL")
    with connection.transaction(force_rollback=True):
        connection.execute(f"SET LOCAL plan_cache_mode = {plan}")
        connection.execute(f"PREPARE statement AS {statement}".encode())
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE statement ({places})"
        ((((found,),),),) = [connection.execute(explain, arguments).fetchall()]
    nodes = list(walked(found["Plan"]))
    read = {one["Node Type"] for one in nodes if "Relation Name" in one} - {"ModifyTable"}
    return read, nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"]


def walked(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from walked(inner)


def scans(connection: psycopg.Connection) -> list[tuple[int, int]]:
    """How often each table was read as a whole, and by an index."""
    connection.execute("SELECT pg_stat_force_next_flush()")
    return connection.execute(
        "SELECT seq_scan, idx_scan FROM pg_stat_user_tables"
        " WHERE relname IN ('sessions', 'turns', 'answers') ORDER BY relname"
    ).fetchall()


def clients(connection: psycopg.Connection) -> int:
    found = connection.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_type = 'client backend'"
    )
    return found.fetchall()[0][0]
