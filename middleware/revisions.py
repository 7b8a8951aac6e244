"""A small table that every replica knows wholly: each asks every second for what has a higher revision.

Whoever writes takes a revision from a sequence, under a lock, so that no reader can miss one. A database that
is down cannot have changed, so what is known stays true.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

import asyncpg

from middleware.database import Database, DatabaseUnavailable

log = logging.getLogger("middleware")
POLL_SECONDS = 1.0
_FIRST_SECONDS = 5.0


class Revisions:
    """Reads the rows of one table as they change."""

    def __init__(
        self,
        database: Database,
        query: str,
        take: Callable[[Sequence[asyncpg.Record]], None],
        *,
        subject: str,
    ) -> None:
        """Read with `query`.

        Args:
            database: where the table is.
            query: the rows above revision `$1`, ascending, with a column `revision`.
            take: is given the new rows.
            subject: what they are, for the log.
        """
        self._database = database
        self._query = query
        self._take = take
        self._subject = subject
        self._revision = 0
        self._is_known = asyncio.Event()
        self._reading = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def are_known(self) -> bool:
        """Whether the table was read at least once."""
        return self._is_known.is_set()

    async def become_known(self) -> bool:
        """Wait for the first reading; False where the database cannot be asked."""
        if not self._is_known.is_set():
            try:
                async with asyncio.timeout(_FIRST_SECONDS):
                    await self._is_known.wait()
            except TimeoutError:
                return False
        return True

    async def read(self) -> None:
        """Read what is new now. Raises `DatabaseUnavailable`."""
        async with self._reading:
            async with self._database.connection() as connection:
                rows = await connection.fetch(self._query, self._revision)
            if rows:
                self._take(rows)
                self._revision = rows[-1]["revision"]
            self._is_known.set()

    async def _run(self) -> None:
        told = False
        while True:
            try:
                await self.read()
                told = False
            except (DatabaseUnavailable, asyncpg.PostgresError) as error:
                if not told and self._is_known.is_set():
                    log.warning("%s cannot be read: %s", self._subject, type(error).__name__)
                    told = True
            except Exception:
                if not told:  # and go on: what comes later may be read again
                    log.exception("%s cannot be read", self._subject)
                    told = True
            await asyncio.sleep(POLL_SECONDS if self._is_known.is_set() else 0.05)
