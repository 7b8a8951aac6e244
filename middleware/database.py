"""The service's own PostgreSQL pool."""

from __future__ import annotations

import asyncio

import asyncpg

from middleware.settings import Settings


class Database:
    """A pool that opens in the background: the service starts, and says it is not ready, without it."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.database_url.get_secret_value()
        self._pool: asyncpg.Pool | None = None

    async def is_ready(self, seconds: float) -> bool:
        """Whether a query is answered within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                pool = await self._opened()
                return bool(await pool.fetchval("SELECT 1"))
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False

    async def close(self) -> None:
        if self._pool:
            self._pool.terminate()

    async def _opened(self) -> asyncpg.Pool:
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                self._url, min_size=0, max_size=10, timeout=5, command_timeout=10
            )
        return self._pool
