"""Deletes conversations in which nothing has been said for long."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import asyncpg

from middleware.database import Database, DatabaseUnavailable

log = logging.getLogger("middleware")
PAUSE_SECONDS = 3600.0
_BATCH = 500
# replicas do this side by side, each on rows that no other has taken
_DELETE = """
    DELETE FROM sessions WHERE id IN (
        SELECT id FROM sessions
        WHERE opened_at < now() - $1 * interval '1 day' AND NOT EXISTS (
            SELECT FROM turns
            WHERE session_id = sessions.id AND accepted_at >= now() - $1 * interval '1 day'
        )
        LIMIT $2 FOR UPDATE SKIP LOCKED
    )
"""


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
            async with self._database.connection() as connection:
                done = await connection.execute(_DELETE, self._days, _BATCH)
            count = int(done.rpartition(" ")[2])
            total += count
            if count < _BATCH:
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
