"""Accepts turns and sees to it that each of them ends."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from middleware.auth import Identity
from middleware.chat.shape import is_plain
from middleware.database import NO_NUL, Database, DatabaseUnavailable
from middleware.errors import InvalidRequest
from middleware.history.errors import SessionNotFound
from middleware.history.rows import Question, Reply
from middleware.history.store import Store
from middleware.history.turn import Turn, Write
from middleware.history.wish import Wish
from middleware.json_object import encoded
from middleware.metrics.instruments import TURNS
from middleware.settings import Settings

log = logging.getLogger("middleware")
Message = dict[str, Any]
COMPLETE, INCOMPLETE, LOST = map(TURNS.labels, ("complete", "incomplete", "lost"))
PATIENCE_SECONDS = 20.0
"""How long an answer waits for a database that restarts or fails over."""


class Conversations:
    """The history of the service."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._mode = settings.history
        self._database = database
        self._store = Store(
            database,
            by_user=settings.session_owner == "user",
            max_turns=settings.history_max_turns,
            max_bytes=settings.history_max_bytes,
        )
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def are_off(self) -> bool:
        """Whether none is ever kept."""
        return self._mode == "off"

    def keeps(self, wish: Wish) -> bool:
        """Whether a call with this wish is a turn of a conversation. Raises `HistoryRefused`."""
        return wish.is_granted(self._mode)

    async def accept(
        self,
        identity: Identity,
        wish: Wish,
        messages: list[Message],
        *,
        interface: str,
        model: str,
        request_id: str,
        streams: bool,
        opening: UUID | None = None,
        overhears: str = "",
    ) -> Turn:
        """Accept a question, in a new conversation or in the one that was named.

        Args:
            identity: whose it is.
            wish: the session that it names, if it does.
            messages: the new ones, in the form in which they are kept.
            interface: by which it came.
            model: the one that is asked.
            request_id: of the call.
            streams: whether the caller learns of the session before the answer has come to its end.
            opening: the id of a new conversation, where it was chosen before.
            overhears: request id of the call beside which this one is made: it sees the turns before that
                one, and is itself none.

        Raises:
            InvalidRequest, SessionNotFound, ConversationFull, DatabaseUnavailable
        """
        if "\0" in model:
            raise InvalidRequest(NO_NUL)  # said now, and not when the model has been called
        if overhears and wish.session_id is not None:
            session = parsed(wish.session_id)
            past = await self._store.past(identity, session, overhears)
            return Turn(str(session), past, _unwritten, self)
        question = Question(
            interface, model, request_id, encoded(messages, what="conversation"), is_plain(messages)
        )
        if wish.session_id is not None:
            session = parsed(wish.session_id)
            number, past = await self._store.go_on(identity, session, question)
            return Turn(str(session), past, partial(self._store.end, number), self)
        opening = opening or uuid4()
        if streams or not self._database.is_well:
            session_id, number = await self._store.open(identity, question, opening)
            return Turn(session_id, [], partial(self._store.end, number), self)
        begun = self._store.begin(identity, question, opening)
        return Turn(str(opening), [], partial(self._store.write, begun), self)

    async def size(self, identity: Identity, wish: Wish) -> tuple[int, bool]:
        """How many bytes are going to be put before the messages of a call, and whether they are plain text.

        Raises:
            SessionNotFound, DatabaseUnavailable
        """
        if wish.session_id is None:
            return 0, True
        return await self._store.size(identity, parsed(wish.session_id))

    async def check(self, identity: Identity, session: UUID) -> None:
        """Refuse a conversation that is not the caller's. Raises `SessionNotFound`, `DatabaseUnavailable`."""
        if not await self._store.has(identity, session):
            raise SessionNotFound

    async def end(self, write: Write, reply: Reply) -> None:
        """Write how a turn ended, through a restart of the database. Raises `DatabaseUnavailable`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                await write(reply)
            except DatabaseUnavailable:
                if time.monotonic() > deadline:
                    LOST.inc()
                    raise
                await asyncio.sleep(0.1)
            else:
                if write is not _unwritten:
                    (COMPLETE if reply.complete else INCOMPLETE).inc()
                return

    def end_later(self, write: Write, reply: Reply) -> None:
        """The same, beside what goes on."""
        task = asyncio.create_task(self.end(write, reply))
        self._ending.add(task)
        task.add_done_callback(self._written)

    async def close(self) -> None:
        """Wait until every turn that has ended is written."""
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._ending.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a turn's end was not written: %s", type(error).__name__)


async def _unwritten(reply: Reply) -> None:
    """Write nothing: the turn is nobody's."""


def parsed(session_id: str) -> UUID:
    """The id of a session. Raises `SessionNotFound` for what is none."""
    try:
        return UUID(session_id)
    except ValueError:
        raise SessionNotFound from None
