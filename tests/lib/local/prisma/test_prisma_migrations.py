"""LiteLLM's migrations on a real database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from gateway_lib.local import prisma
from gateway_lib.local.prisma import migrations
from gateway_lib.local.prisma.migrations import Migration

FIRST = Migration("001_first", b"CREATE TABLE one (id int); INSERT INTO one VALUES (1);")
SECOND = Migration("002_second", b"-- not CONCURRENTLY\nALTER TABLE one ADD COLUMN name text;")
INDEX = Migration("003_index", b"CREATE INDEX CONCURRENTLY IF NOT EXISTS one_id ON one (id);")


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_litellms_own(postgres_url: str) -> None:
    available = migrations.litellm_migrations()
    assert len(available) > 200
    # parameters that only Prisma knows are no obstacle
    assert prisma.migrate(f"{postgres_url}?connection_limit=5&pool_timeout=3") == len(available)
    assert prisma.migrate(postgres_url) == 0
    ledger = rows(
        postgres_url,
        "SELECT migration_name, checksum FROM _prisma_migrations"
        " WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL AND applied_steps_count = 1"
        " ORDER BY migration_name",
    )
    assert ledger == [(each.name, each.checksum) for each in available]
    assert rows(postgres_url, 'SELECT count(*) FROM "LiteLLM_VerificationToken"') == [(0,)]
    assert rows(postgres_url, "SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]
    assert rows(postgres_url, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]


def test_later_ones_are_added(postgres_url: str) -> None:
    assert migrations.apply(postgres_url, [FIRST]) == 1
    assert migrations.apply(postgres_url, [FIRST, SECOND, INDEX]) == 2
    assert migrations.apply(postgres_url, [FIRST, SECOND, INDEX]) == 0
    assert rows(postgres_url, "SELECT id, name FROM one") == [(1, None)]


def test_a_failing_one_leaves_nothing(postgres_url: str) -> None:
    broken = replace(SECOND, script=b"DELETE FROM one; ALTER TABLE nothing ADD COLUMN x int;")
    with pytest.raises(
        prisma.PrismaError, match=r'^migration 002_second failed: .*"nothing"'
    ) as error:
        migrations.apply(postgres_url, [FIRST, broken, INDEX])
    assert "\n" not in str(error.value)
    assert rows(postgres_url, "SELECT count(*) FROM one") == [(1,)]
    # nothing of it was applied, so the mended one may have another checksum
    assert migrations.apply(postgres_url, [FIRST, SECOND, INDEX]) == 2


def test_a_changed_one_is_refused(postgres_url: str) -> None:
    migrations.apply(postgres_url, [FIRST])
    changed = replace(FIRST, script=FIRST.script + b" ")
    with pytest.raises(prisma.PrismaError, match="001_first was changed after it was applied"):
        migrations.apply(postgres_url, [changed, SECOND])
    assert migrations.apply(postgres_url, [FIRST, SECOND]) == 1


def test_an_interrupted_index_is_built_again(postgres_url: str) -> None:
    unique = Migration(
        "003_index", b"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS u ON one (id);"
    )
    doubled = Migration("002_double", b"INSERT INTO one VALUES (1);")
    with pytest.raises(prisma.PrismaError, match="003_index failed"):
        migrations.apply(postgres_url, [FIRST, doubled, unique])
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DELETE FROM one")
    assert migrations.apply(postgres_url, [FIRST, doubled, unique]) == 1
    assert rows(
        postgres_url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'u'::regclass"
    ) == [(True,)]


def test_several_processes_do_not_collide(postgres_url: str) -> None:
    every = [FIRST, SECOND, INDEX]
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: migrations.apply(postgres_url, every), range(4)))
    assert sorted(counts) == [0, 0, 0, 3]


def test_a_schema_of_its_own(postgres_url: str) -> None:
    assert migrations.apply(f"{postgres_url}?schema=apart", [FIRST, INDEX]) == 2
    assert rows(postgres_url, "SELECT id FROM apart.one") == [(1,)]
    assert migrations.apply(f"{postgres_url}?schema=apart", [FIRST, INDEX]) == 0


def test_a_database_that_is_not_there() -> None:
    with pytest.raises(prisma.PrismaError, match=r"cannot be migrated: .*refused") as error:
        prisma.migrate("postgresql://user:secret@127.0.0.1:9/nothing")
    assert "secret" not in str(error.value)
