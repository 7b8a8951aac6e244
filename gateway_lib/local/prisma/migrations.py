"""LiteLLM's SQL migrations, applied in the order of their names and recorded as Prisma records them.

The ledger is Prisma's own table ``_prisma_migrations`` with Prisma's checksums and advisory lock, so that
LiteLLM's and Prisma's tools recognise what was done here, and the other way round.
"""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from gateway_lib.local.prisma.errors import PrismaError

Connection = psycopg.Connection[tuple[object, ...]]

LOCK = 72707369
"""The advisory lock of Prisma's schema engine."""
LOCK_SECONDS = 600
_COMMENT = re.compile(r"--[^\n]*")
_LEDGER = """
CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id                  VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum            VARCHAR(64) NOT NULL,
    finished_at         TIMESTAMPTZ,
    migration_name      VARCHAR(255) NOT NULL,
    logs                TEXT,
    rolled_back_at      TIMESTAMPTZ,
    started_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One folder of migrations."""

    name: str
    script: bytes

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.script).hexdigest()

    @property
    def is_transactional(self) -> bool:
        """PostgreSQL refuses a concurrent index build inside a transaction."""
        return "CONCURRENTLY" not in _COMMENT.sub("", self.script.decode()).upper()


def migrate(database_url: str) -> int:
    """Apply the migrations of the installed LiteLLM that the database does not have yet.

    Args:
        database_url: as LiteLLM takes it; parameters that only Prisma knows are allowed.

    Returns:
        How many were applied.

    Raises:
        PrismaError: the database cannot be reached, a migration failed (what it did is rolled back),
            or one that was applied has been changed since.
    """
    return apply(database_url, litellm_migrations())


def litellm_migrations() -> list[Migration]:
    """The migrations of the installed LiteLLM, in the order in which they apply."""
    spec = find_spec("litellm_proxy_extras")
    if spec is None or spec.origin is None:
        raise PrismaError("the Python package litellm-proxy-extras is missing")
    scripts = sorted((Path(spec.origin).parent / "migrations").glob("*/migration.sql"))
    return [Migration(script.parent.name, script.read_bytes()) for script in scripts]


def apply(database_url: str, migrations: Sequence[Migration]) -> int:
    """Apply those of the migrations that the database does not have yet; see `migrate`."""
    try:
        with _connected(database_url) as connection, _exclusively(connection):
            connection.execute(_LEDGER)
            pending = _pending(connection, migrations)
            for migration in pending:
                _apply(connection, migration)
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise PrismaError(f"the database cannot be migrated: {reason}") from error
    return len(pending)


def _pending(connection: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    rows = connection.execute(
        "SELECT migration_name, checksum FROM _prisma_migrations"
        " WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL"
    )
    applied = {str(name): str(checksum) for name, checksum in rows.fetchall()}
    for migration in migrations:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise PrismaError(
                f"migration {migration.name} was changed after it was applied to this database; "
                "start from an empty database, or install the LiteLLM it was made with"
            )
    return [migration for migration in migrations if migration.name not in applied]


def _apply(connection: Connection, migration: Migration) -> None:
    try:
        if migration.is_transactional:
            with connection.transaction():
                connection.execute(migration.script)
                _record(connection, migration)
        else:
            _drop_invalid_indexes(connection)
            connection.execute(migration.script)
            _record(connection, migration)
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise PrismaError(f"migration {migration.name} failed: {reason}") from error


def _record(connection: Connection, migration: Migration) -> None:
    connection.execute(
        "DELETE FROM _prisma_migrations WHERE migration_name = %s AND finished_at IS NULL",
        [migration.name],
    )
    connection.execute(
        "INSERT INTO _prisma_migrations"
        " (id, checksum, finished_at, migration_name, applied_steps_count)"
        " VALUES (%s, %s, now(), %s, 1)",
        [str(uuid.uuid4()), migration.checksum, migration.name],
    )


def _drop_invalid_indexes(connection: Connection) -> None:
    """An interrupted concurrent build leaves an index that is not used but keeps its name taken."""
    rows = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE NOT i.indisvalid AND n.nspname = current_schema()"
    )
    for schema, name in rows.fetchall():
        index = sql.Identifier(str(schema), str(name))
        connection.execute(sql.SQL("DROP INDEX {}").format(index))


@contextmanager
def _connected(database_url: str) -> Iterator[Connection]:
    parts = urlsplit(database_url)
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    ours = urlencode([(name, value) for name, value in parameters if name in known])
    with psycopg.connect(urlunsplit(parts._replace(query=ours)), autocommit=True) as connection:
        schema = dict(parameters).get("schema")
        if schema:
            name = sql.Identifier(schema)
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
            connection.execute(sql.SQL("SET search_path TO {}").format(name))
        yield connection


@contextmanager
def _exclusively(connection: Connection) -> Iterator[None]:
    """Hold the lock, which is asked for again and again.

    A statement that waited for it would hold a snapshot, for whose end a concurrent index build of the
    holder would wait in turn.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone() != (True,):
        if time.monotonic() > deadline:
            raise PrismaError("another process has been migrating this database for too long")
        time.sleep(0.1)
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
