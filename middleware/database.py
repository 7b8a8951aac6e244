"""The service's own PostgreSQL pool, on a schema that is brought up to date first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import ClassVar

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from middleware import migrations
from middleware.errors import ServiceError
from middleware.settings import Settings
from middleware.stores import Postgres

log = logging.getLogger("middleware")
_GONE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it shuts down, or is just starting
    asyncpg.InsufficientResourcesError,  # no connection left, or no disk
    asyncpg.ReadOnlySQLTransactionError,  # a fail-over is under way
)
_AT_STARTUP = (*_GONE, asyncpg.PostgresError, SQLAlchemyError)
WAIT_SECONDS = 10.0
"""How long a caller waits for a connection, and a statement for its result."""
_SESSION = {
    # a turn that was answered must outlive a crash of the database, whatever the server's own default is
    "synchronous_commit": "on",
    "jit": "off",  # its statements are short, and compiling one takes longer than running it
}


class DatabaseUnavailable(ServiceError):
    """PostgreSQL cannot be reached, or not in time."""

    status = 503
    code = "database_unavailable"
    standard = "The gateway's database is not available. Try again shortly."
    standard_headers: ClassVar[Mapping[str, str]] = {"retry-after": "1"}


class Database:
    """A pool that opens in the background: the service starts, and says it is not ready, without it."""

    def __init__(self, settings: Settings) -> None:
        self._postgres = Postgres.of(settings)
        self._connections = settings.database_connections
        self._pool: asyncpg.Pool | None = None
        # In the pool's own queue one who comes just as a connection is given back takes it from those who
        # wait, and who does so under load may wait for ever. Here they are served as they come.
        self._places = asyncio.Semaphore(settings.database_connections)
        self.is_well = False
        """Whether its last use went well."""
        self._opening: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to migrate the schema and to open the pool, as soon as the server allows it."""
        self._opening = asyncio.create_task(self._open())

    async def is_ready(self, seconds: float) -> bool:
        """Whether a query is answered within `seconds`."""
        try:
            # past those who wait: that there are many does not mean that it is gone
            async with asyncio.timeout(seconds), self._used() as connection:
                return bool(await connection.fetchval("SELECT 1"))
        except (TimeoutError, DatabaseUnavailable):
            return False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection for one statement or one transaction.

        Raises:
            DatabaseUnavailable: there is none, or it broke while it was used.
        """
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable from error
        try:
            async with self._used() as connection:
                yield connection
        finally:
            self._places.release()

    async def close(self) -> None:
        if self._opening:
            self._opening.cancel()
            with suppress(asyncio.CancelledError):
                await self._opening
        if self._pool:
            self._pool.terminate()

    @asynccontextmanager
    async def _used(self) -> AsyncIterator[asyncpg.Connection]:
        pool = self._pool
        if pool is None:
            raise DatabaseUnavailable
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                connection = await pool.acquire()
            try:
                yield connection
            finally:
                await pool.release(connection)
            self.is_well = True
        except _GONE as error:
            self.is_well = False
            raise DatabaseUnavailable from error

    async def _open(self) -> None:
        told = False
        while True:
            try:
                await self._postgres.ensure()
                await migrations.upgrade(self._postgres)
                self._pool = await asyncpg.create_pool(
                    **self._postgres.arguments,
                    min_size=0,
                    max_size=self._connections,
                    timeout=5,
                    command_timeout=WAIT_SECONDS,
                    init=_prepare,
                    reset=_keep,
                    server_settings=_SESSION,
                )
            except _AT_STARTUP as error:
                if not told:
                    log.warning("the database cannot be opened yet: %s", type(error).__name__)
                    told = True
                await asyncio.sleep(0.5)
            else:
                return


async def _prepare(connection: asyncpg.Connection) -> None:
    # JSON goes in and out as the bytes it is: who needs it decoded does so, most is only passed on
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
    )


async def _keep(connection: asyncpg.Connection) -> None:
    """Instead of the pool's own reset, a round trip after each use: nothing here changes a session."""
