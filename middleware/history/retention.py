"""Deletes conversations in which nothing has been said for long."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import asyncpg

from middleware.database import Database, DatabaseUnavailable

log = logging.getLogger("middleware")
PAUSE_SECONDS = 3600.0
_BATCH = 100
_IN_USE = """
    EXISTS (
        SELECT FROM turns
        WHERE session_id = sessions.id AND accepted_at >= now() - $1 * interval '1 day'
    )
"""
# Replicas do this side by side, each on rows that no other has taken. What is taken gets no new turn any
# more, but may have got one since the statement began that took it, so only the next one can tell.
_TAKE = f"""
    SELECT id FROM sessions
    WHERE opened_at < now() - $1 * interval '1 day' AND NOT {_IN_USE}
    LIMIT $2 FOR UPDATE SKIP LOCKED
"""  # noqa: S608
_DELETE = f"DELETE FROM sessions WHERE id = ANY($2) AND NOT {_IN_USE}"  # noqa: S608


class Retention:
    """Works in the background, once an hour; with 0 days not at all."""

    def __init__(self, database: Database, days: float) -> None:
        self._database = database
        self._days = days
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._days:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def sweep(self) -> int:
        """Delete what is due now; returns how many conversations that were. Raises `DatabaseUnavailable`."""
        total = 0
        while True:
            async with self._database.connection() as connection, connection.transaction():
                taken = [row[0] for row in await connection.fetch(_TAKE, self._days, _BATCH)]
                done = await connection.execute(_DELETE, self._days, taken)
            total += int(done.rpartition(" ")[2])
            if len(taken) < _BATCH:
                return total

    async def _run(self) -> None:
        while True:
            try:
                if deleted := await self.sweep():
                    log.info("old conversations deleted", extra={"conversations": deleted})
                pause = PAUSE_SECONDS
            except (DatabaseUnavailable, asyncpg.PostgresError) as error:
                log.warning("old conversations were not deleted: %s", type(error).__name__)
                pause = 10.0
            await asyncio.sleep(pause)
