"""Conversations as their owners, and administrators, read and delete them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from middleware.auth import Identity
from middleware.database import Database
from middleware.history.errors import SessionNotFound
from middleware.history.rows import Past
from middleware.history.store import owned_by


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks. An administrator reads everything."""

    identity: Identity
    is_admin: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation without its content; times in UTC."""

    session_id: str
    user_id: str | None
    opened_at: datetime
    last_turn_at: datetime | None
    turns: int


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A turn as it is stored. Without a reply it is under way, or its service died."""

    number: int
    interface: str
    model: str
    request_id: str
    accepted_at: datetime
    messages: bytes
    plain: bool
    complete: bool
    status: int | None
    ended_at: datetime | None
    reply: bytes | None
    reply_plain: bool
    served_by: str | None
    usage: bytes | None
    cost: float | None

    def as_past(self) -> Past | None:
        """The turn as later ones see it; None where they do not."""
        if self.reply is None:
            return None
        return Past(self.messages, self.plain, self.reply, self.reply_plain, self.complete)


_TURNS = """
    SELECT turns.id AS number, interface, model, request_id, accepted_at, messages, turns.plain,
           coalesce(complete, false) AS complete, status, ended_at, message AS reply,
           coalesce(answers.plain, true) AS reply_plain, served_by, usage, cost
    FROM turns LEFT JOIN answers ON answers.turn_id = turns.id
    WHERE session_id = $1 AND turns.id > $2 ORDER BY turns.id LIMIT $3
"""
_SESSIONS = """
    SELECT id::text AS session_id, user_id, opened_at, last_turn_at, turns
    FROM (
        SELECT * FROM sessions WHERE {owner} AND {place} ORDER BY opened_at DESC, id DESC LIMIT $2
    ) AS page, LATERAL (
        SELECT max(accepted_at) AS last_turn_at, count(*) AS turns
        FROM turns WHERE session_id = page.id
    ) AS summary
    ORDER BY opened_at DESC, id DESC
"""


class Archive:
    """Reads and deletes."""

    def __init__(self, database: Database, *, by_user: bool) -> None:
        """Conversations belong to a user, or else to a key."""
        self._database = database
        self._by_user = by_user

    async def turns(
        self, reader: Reader, session: UUID, *, after: int, limit: int
    ) -> list[KeptTurn]:
        """`limit` turns of a conversation, beginning with the first one after the one numbered `after`.

        Raises:
            SessionNotFound, DatabaseUnavailable
        """
        async with self._database.connection() as connection:
            await self._find(connection, reader, session)
            rows = await connection.fetch(_TURNS, session, after, limit)
        return [KeptTurn(*row) for row in rows]

    async def session(self, reader: Reader, session: UUID) -> Session:
        """One conversation. Raises `SessionNotFound`, `DatabaseUnavailable`."""
        async with self._database.connection() as connection:
            await self._find(connection, reader, session)
            query = _SESSIONS.format(owner="id = $1", place="true")
            rows = await connection.fetch(query, session, 1)
        if not rows:
            raise SessionNotFound
        return Session(*rows[0])

    async def sessions(
        self, reader: Reader, *, everybodys: bool, after: UUID | None, limit: int
    ) -> list[Session]:
        """`limit` conversations, the newest first, beginning after the one named.

        Raises:
            SessionNotFound: `after` is none that the reader may see.
            DatabaseUnavailable
        """
        owner, value = owned_by(reader.identity, self._by_user, 1)
        if everybodys:
            owner, value = "$1 = ''", ""
        arguments: list[Any] = [value, limit]
        place = "true"
        async with self._database.connection() as connection:
            if after is not None:
                opened_at = await self._find(connection, reader, after)
                place = "(opened_at, id) < ($3, $4)"
                arguments += [opened_at, after]
            rows = await connection.fetch(_SESSIONS.format(owner=owner, place=place), *arguments)
        return [Session(*row) for row in rows]

    async def delete(self, reader: Reader, session: UUID) -> None:
        """Delete a conversation with all its turns. Raises `SessionNotFound`, `DatabaseUnavailable`."""
        async with self._database.connection() as connection:
            await self._find(connection, reader, session)
            await connection.execute("DELETE FROM sessions WHERE id = $1", session)

    async def _find(
        self, connection: asyncpg.Connection, reader: Reader, session: UUID
    ) -> datetime:
        owner, value = owned_by(reader.identity, self._by_user, 2)
        if reader.is_admin:
            owner, value = "$2 = ''", ""
        opened_at: datetime | None = await connection.fetchval(
            f"SELECT opened_at FROM sessions WHERE id = $1 AND {owner}",  # noqa: S608
            session,
            value,
        )
        if opened_at is None:
            raise SessionNotFound
        return opened_at
