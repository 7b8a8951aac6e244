"""The audit trail: every user that was made or changed and every key that was given, and to whom.

It never has a key, only its hash, under which LiteLLM's own tables and logs know it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import asyncpg
import orjson

from middleware.database import Database

Action = Literal["user.created", "user.updated", "key.created", "key.updated", "key.regenerated"]
_COLUMNS = "id, at, subject, action, rule, granted, key_hash, request_id"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row."""

    id: int
    at: datetime
    subject: str
    action: str
    rule: str | None
    granted: bytes
    """JSON: the values, as they reached LiteLLM."""
    key_hash: str | None
    request_id: str


class Pen:
    """Writes entries on a connection that is there already."""

    def __init__(self, connection: asyncpg.Connection, request_id: str) -> None:
        self._connection = connection
        self._request_id = request_id

    async def write(
        self,
        subject: str,
        action: Action,
        rule: str | None,
        granted: Mapping[str, Any],
        key_hash: str | None = None,
    ) -> None:
        await self._connection.execute(
            "INSERT INTO audit (subject, action, rule, granted, key_hash, request_id)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            subject,
            action,
            rule,
            orjson.dumps(granted),
            key_hash,
            self._request_id,
        )


class Audit:
    """The trail."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def pen(self, request_id: str) -> AsyncIterator[Pen]:
        """Something to write with, to be had before anything is granted: what cannot be recorded is not.

        Raises:
            DatabaseUnavailable: nothing can be recorded now.
        """
        async with self._database.connection() as connection:
            await connection.execute("SELECT 1")  # a pooled connection may be a dead one
            yield Pen(connection, request_id)

    async def page(self, *, before: int | None, limit: int, subject: str | None) -> list[Entry]:
        """Entries, the newest first, of one subject or of all."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                f"SELECT {_COLUMNS} FROM audit"  # noqa: S608  # no value is in it
                " WHERE ($1::bigint IS NULL OR id < $1) AND ($2::text IS NULL OR subject = $2)"
                " ORDER BY id DESC LIMIT $3",
                before,
                subject,
                limit,
            )
        return [Entry(**row) for row in rows]
