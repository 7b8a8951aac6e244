"""The service's own PostgreSQL pool, on a schema that is brought up to date first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import ClassVar

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from middleware import migrations
from middleware.errors import InvalidRequest, ServiceError
from middleware.exchange import current
from middleware.settings import Settings
from middleware.stores import Postgres

log = logging.getLogger("middleware")
_GONE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # it was lost while asyncpg looked up the types of a statement
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it shuts down, or is just starting
    asyncpg.InsufficientResourcesError,  # no connection left, or no disk
    asyncpg.ReadOnlySQLTransactionError,  # a fail-over is under way
)
_AT_STARTUP = (*_GONE, asyncpg.PostgresError, SQLAlchemyError)
NO_NUL = "The character U+0000 has no place in a name here."
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
        self.places = asyncio.Semaphore(settings.database_connections)
        """Taken by each use but those that may not wait."""
        # Lent from here they cost a use nothing; the pool's own lending costs more than a statement.
        self._idle: list[asyncpg.Connection] = []
        self.is_well = False
        """Whether its last use went well."""
        self.waiting = 0
        """Uses that wait for a place."""
        self._opening: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to migrate the schema and to open the pool, as soon as the server allows it."""
        self._opening = asyncio.create_task(self._open())

    async def is_ready(self, seconds: float) -> bool:
        """Whether a query is answered within `seconds`."""
        try:
            # past those who wait: that there are many does not mean that it is gone
            async with asyncio.timeout(seconds), Use(self, waits=False) as connection:
                return bool(await connection.fetchval("SELECT 1"))
        except (TimeoutError, DatabaseUnavailable):
            return False

    @property
    def size(self) -> tuple[int, int, int]:
        """Connections that are used, that are idle, and that there may be for requests."""
        opened = self._pool.get_size() if self._pool else 0
        idle = len(self._idle) + (self._pool.get_idle_size() if self._pool else 0)
        return opened - idle, idle, self._connections

    def connection(self) -> Use:
        """A connection for one statement or one transaction, as a context.

        Raises:
            DatabaseUnavailable: there is none, or it broke while it was used.
        """
        return Use(self)

    async def close(self) -> None:
        if self._opening:
            self._opening.cancel()
            with suppress(asyncio.CancelledError):
                await self._opening
        if self._pool:
            self._pool.terminate()

    def idle(self) -> asyncpg.Connection | None:
        """A connection that lies ready, for `give_back` or `part_with`; it may have been lost meanwhile."""
        return self._idle.pop() if self._idle else None

    async def lend(self) -> asyncpg.Connection:
        """Another one. Raises `DatabaseUnavailable`."""
        if self._pool is None:
            raise DatabaseUnavailable
        async with asyncio.timeout(WAIT_SECONDS):
            return await self._pool.acquire()

    def give_back(self, connection: asyncpg.Connection) -> None:
        """Take back one that was used to the end."""
        self.is_well = True
        self._idle.append(connection)

    async def part_with(self, connection: asyncpg.Connection) -> None:
        """Take back one whose use failed or was broken off: the pool sees what is to become of it."""
        if self._pool is not None:
            await self._pool.release(connection)

    async def _open(self) -> None:
        told = False
        while True:
            try:
                await self._postgres.ensure()
                await migrations.upgrade(self._postgres)
                self._pool = await asyncpg.create_pool(
                    **self._postgres.arguments,
                    min_size=0,
                    max_size=self._connections
                    + 1,  # one for the check of readiness, which may not wait
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


class Use:
    """The use of a connection."""

    __slots__ = ("_asked", "_connection", "_database", "_waits")

    def __init__(self, database: Database, *, waits: bool = True) -> None:
        """Use one of `database`; `waits` for its turn, or else goes past those who do."""
        self._database = database
        self._waits = waits
        self._connection: asyncpg.Connection

    async def __aenter__(self) -> asyncpg.Connection:
        exchange, places = current(), self._database.places
        self._asked = exchange.trace.asked("postgresql") if exchange and exchange.trace else None
        if self._asked:
            self._asked.__enter__()
        if self._waits:
            try:
                if places.locked():
                    await self._wait(places)
                else:
                    await places.acquire()
            except BaseException as error:
                if self._asked:
                    self._asked.__exit__(type(error), error, None)
                if isinstance(error, TimeoutError):
                    raise DatabaseUnavailable from error
                raise
        try:
            while connection := self._database.idle():
                if not connection.is_closed():
                    break
                await self._database.part_with(connection)
            self._connection = connection or await self._database.lend()
        except BaseException as error:
            self._leave(error)
            raise
        return self._connection

    async def _wait(self, places: asyncio.Semaphore) -> None:
        self._database.waiting += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await places.acquire()
        finally:
            self._database.waiting -= 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._database.give_back(self._connection)
            else:
                if isinstance(error, asyncpg.InternalClientError):
                    self._connection.terminate()  # else it stays as it is, and fails whoever is next
                await self._database.part_with(self._connection)
        finally:
            self._leave(error)

    def _leave(self, error: BaseException | None) -> None:
        if self._asked:
            self._asked.__exit__(type(error) if error else None, error, None)
        if self._waits:
            self._database.places.release()
        if error is None:
            return
        if isinstance(error, asyncpg.CharacterNotInRepertoireError):
            raise InvalidRequest(NO_NUL) from error
        if isinstance(error, _GONE):
            self._database.is_well = False
            raise DatabaseUnavailable from error


async def _prepare(connection: asyncpg.Connection) -> None:
    # JSON goes in and out as the bytes it is: who needs it decoded does so, most is only passed on
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
    )


async def _keep(connection: asyncpg.Connection) -> None:
    """Instead of the pool's own reset, a round trip after each use: nothing here changes a session."""
