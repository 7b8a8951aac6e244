"""The rows of conversations: written once, never changed.

A turn's place is that of its acceptance, which the order of its id is. What a turn sees are the turns that
had ended when it was accepted: one statement reads them and writes it, so that nothing comes in between and
no lock makes turns of one conversation wait for each other.

A first turn whose answer comes whole is written once, with its answer: its session's id is nobody's to name
before that, so there is no turn beside it whose order could matter.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg

from middleware.auth import Identity
from middleware.database import Database
from middleware.history.errors import ConversationFull, SessionNotFound
from middleware.history.rows import Opening, Past, Question, Reply

_OPEN = """
    WITH session AS (
        INSERT INTO sessions (id, key_hash, user_id) VALUES ($1, $2, $3)
    )
    INSERT INTO turns (session_id, interface, model, request_id, messages, plain, size)
    VALUES ($1, $4, $5, $6, $7, $8, $9) RETURNING id
"""
_CONTINUE = """
    WITH session AS (
        SELECT id FROM sessions WHERE id = $1 AND {owner}
    ), kept AS MATERIALIZED (
        SELECT turns.id, turns.messages, turns.plain, turns.size + coalesce(answers.size, 0) AS size,
               answers.message, answers.plain AS reply_plain, answers.complete
        FROM session JOIN turns ON turns.session_id = session.id
        LEFT JOIN answers ON answers.turn_id = turns.id
    ), accepted AS (
        INSERT INTO turns (session_id, interface, model, request_id, messages, plain, size)
        SELECT session.id, $3, $4, $5, $6, $7, $8::integer FROM session
        WHERE (SELECT count(*) < $9 AND coalesce(sum(size), 0) + $8::integer <= $10 FROM kept)
        RETURNING id
    )
    SELECT (SELECT id FROM accepted) AS accepted,
           past.messages, past.plain, past.message, past.reply_plain, past.complete
    FROM session LEFT JOIN (SELECT * FROM kept WHERE message IS NOT NULL) AS past ON true
    ORDER BY past.id
"""
_SIZE = """
    SELECT coalesce(sum(turns.size + coalesce(answers.size, 0)), 0)::bigint,
           coalesce(bool_and(turns.plain AND coalesce(answers.plain, true)), true)
    FROM sessions JOIN turns ON turns.session_id = sessions.id
    LEFT JOIN answers ON answers.turn_id = turns.id
    WHERE sessions.id = $1 AND sessions.{owner}
"""
_HAS = "SELECT 1 FROM sessions WHERE id = $1 AND {owner}"
_HEARD = """
    SELECT turns.messages, turns.plain, answers.message, answers.plain, answers.complete
    FROM sessions JOIN turns ON turns.session_id = sessions.id JOIN answers ON answers.turn_id = turns.id
    WHERE sessions.id = $1 AND sessions.{owner} AND turns.request_id <> $3 AND answers.message IS NOT NULL
    ORDER BY turns.id
"""
_END = """
    INSERT INTO answers (turn_id, complete, status, message, plain, size, served_by, usage, cost)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
"""


def owned_by(identity: Identity, by_user: bool, place: int) -> tuple[str, str]:
    """The condition for a session of the caller's, with a parameter at `place`, and the parameter's value."""
    if by_user and identity.user_id is not None:
        return f"user_id = ${place}", identity.user_id
    return f"key_hash = ${place}", identity.key_hash


@lru_cache
def _of(owner: str, statement: str) -> str:
    """A statement about the sessions of an owner: one text, by which asyncpg finds what it has prepared."""
    return statement.format(owner=owner)


# The session's id is new, so that what is there already was written by this very statement, tried before.
_WHOLE = """
    WITH session AS (
        INSERT INTO sessions (id, key_hash, user_id, opened_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING RETURNING id
    ), turn AS (
        INSERT INTO turns (session_id, accepted_at, interface, model, request_id, messages, plain, size)
        SELECT id, $4, $5, $6, $7, $8, $9, $10 FROM session RETURNING id
    )
    INSERT INTO answers (turn_id, complete, status, message, plain, size, served_by, usage, cost)
    SELECT id, $11, $12, $13, $14, $15, $16, $17, $18 FROM turn
"""


class Store:
    """Writes turns and answers."""

    def __init__(
        self, database: Database, *, by_user: bool, max_turns: int, max_bytes: int
    ) -> None:
        """Conversations belong to a user, or else to a key; `max_turns` and `max_bytes` limit each."""
        self._database = database
        self._by_user = by_user
        self._limits = (max_turns, max_bytes)

    async def open(self, identity: Identity, question: Question, session: UUID) -> tuple[str, int]:
        """Begin a conversation with this id; returns the id and its first turn's.

        Raises:
            ConversationFull, DatabaseUnavailable
        """
        size = self._checked(question)
        async with self._database.connection() as connection:
            turn = await connection.fetchval(
                _OPEN,
                session,
                identity.key_hash,
                identity.user_id,
                *_columns(question, size),
            )
        return str(session), turn

    async def go_on(
        self, identity: Identity, session: UUID, question: Question
    ) -> tuple[int, list[Past]]:
        """Accept another turn; returns its id, and the turns that it sees.

        Raises:
            SessionNotFound, ConversationFull, DatabaseUnavailable
        """
        size = self._checked(question)
        owner, value = owned_by(identity, self._by_user, 2)
        try:
            async with self._database.connection() as connection:
                rows = await connection.fetch(
                    _of(owner, _CONTINUE),
                    session,
                    value,
                    *_columns(question, size),
                    *self._limits,
                )
        except asyncpg.ForeignKeyViolationError:
            raise SessionNotFound from None  # deleted at this very moment
        if not rows:
            raise SessionNotFound
        if rows[0]["accepted"] is None:
            raise ConversationFull(self._full())
        return rows[0]["accepted"], [Past._make(row[1:]) for row in rows if row[1] is not None]

    async def size(self, identity: Identity, session: UUID) -> tuple[int, bool]:
        """How many bytes a conversation of the caller's has, and whether all of them are plain text."""
        owner, value = owned_by(identity, self._by_user, 2)
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_of(owner, _SIZE), session, value)
        return row[0], row[1]

    async def has(self, identity: Identity, session: UUID) -> bool:
        """Whether there is such a conversation of the caller's."""
        owner, value = owned_by(identity, self._by_user, 2)
        async with self._database.connection() as connection:
            found = await connection.fetchval(_of(owner, _HAS), session, value)
        return found is not None

    async def past(self, identity: Identity, session: UUID, beside: str) -> list[Past]:
        """The turns of a conversation of the caller's that have ended, but for that of one request."""
        owner, value = owned_by(identity, self._by_user, 2)
        async with self._database.connection() as connection:
            rows = await connection.fetch(_of(owner, _HEARD), session, value, beside)
        return [Past(*row) for row in rows]

    async def end(self, turn: int, reply: Reply) -> None:
        """Write how a turn ended. Doing it again changes nothing, so it may be tried again."""
        try:
            async with self._database.connection() as connection:
                await connection.execute(_END, turn, *_ending(reply))
        except asyncpg.ForeignKeyViolationError:
            pass  # the conversation was deleted in the meantime, and what belongs to it is not to come back

    def begin(self, identity: Identity, question: Question, session: UUID) -> Opening:
        """A conversation that nobody knows of before its first turn has ended. Raises `ConversationFull`."""
        self._checked(question)
        return Opening(session, identity, question, datetime.now(UTC))

    async def write(self, opening: Opening, reply: Reply) -> None:
        """Write a conversation with its first turn, as `end` does."""
        identity, question = opening.identity, opening.question
        async with self._database.connection() as connection:
            await connection.execute(
                _WHOLE,
                opening.session,
                identity.key_hash,
                identity.user_id,
                opening.accepted_at,
                *_columns(question, len(question.messages)),
                *_ending(reply),
            )

    def _checked(self, question: Question) -> int:
        size = len(question.messages)
        if size > self._limits[1]:
            raise ConversationFull(self._full())
        return size

    def _full(self) -> str:
        turns, size = self._limits
        return (
            f"A conversation may have {turns} turns and {size} bytes here, which this one would exceed. "
            "Begin a new one, or send enable_history: false to have this call not kept."
        )


def _columns(question: Question, size: int) -> tuple[Any, ...]:
    return (
        question.interface,
        question.model,
        question.request_id,
        question.messages,
        question.plain,
        size,
    )


def _ending(reply: Reply) -> tuple[Any, ...]:
    return (
        reply.complete,
        reply.status,
        reply.message,
        reply.plain,
        len(reply.message or b""),
        reply.served_by,
        reply.usage,
        reply.cost,
    )
