"""Where PostgreSQL and Redis are, and how they are spoken to.

Both are named by a URL or by their parts. An orchestrator that keeps passwords in a store of secrets can only
hand over parts.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import redis.asyncio

from middleware.settings import Settings

_MAINTENANCE = "postgres"  # the database that every server has
_LOCK = 4_771_902_319  # any number, the same in every replica
CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Postgres:
    """The database of the service's own.

    Attributes:
        arguments: what asyncpg needs to connect to it.
        name: the database, where it is to be made when it is missing.
    """

    arguments: Mapping[str, Any]
    name: str = ""

    @classmethod
    def of(cls, settings: Settings) -> Postgres:
        """The database that the settings name."""
        if not settings.database_host:
            return cls({"dsn": settings.database_url.get_secret_value()})
        parts = {
            "host": settings.database_host,
            "port": settings.database_port,
            "user": settings.database_user,
            "password": settings.database_password.get_secret_value(),
            "database": settings.database_name,
            # never asyncpg's own default, which goes on in the clear where the server has no TLS
            "ssl": _tls(settings.database_ca) if settings.database_tls else False,
        }
        return cls(parts, settings.database_name)

    async def connect(self) -> asyncpg.Connection:
        """A connection of its own, outside of any pool."""
        return await asyncpg.connect(**self.arguments, timeout=CONNECT_SECONDS)

    async def ensure(self) -> None:
        """Make the database where it is missing; replicas that start together make it once.

        One that is named by a URL is waited for instead: whoever wrote the URL has it made.
        """
        if not self.name:
            return
        try:
            connection = await self.connect()
        except asyncpg.InvalidCatalogNameError:
            await self._create()
        else:
            await connection.close()

    async def _create(self) -> None:
        arguments = {**self.arguments, "database": _MAINTENANCE}
        connection = await asyncpg.connect(**arguments, timeout=CONNECT_SECONDS)
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            known = "SELECT 1 FROM pg_database WHERE datname = $1"
            if await connection.fetchval(known, self.name) is None:
                quoted = self.name.replace('"', '""')
                await connection.execute(f'CREATE DATABASE "{quoted}"')
        finally:
            await connection.close()


def redis_client(settings: Settings, seconds: float, **options: Any) -> redis.asyncio.Redis | None:
    """A client of the Redis that the settings name, None where they name none.

    Args:
        settings: the service's.
        seconds: how long a connection may take to open, and an answer to come.
        options: of the client.
    """
    options |= {"socket_timeout": seconds, "socket_connect_timeout": seconds}
    if settings.redis_host:
        return redis.asyncio.Redis(
            host=settings.redis_host,
            port=settings.redis_port,
            password=settings.redis_password.get_secret_value() or None,
            ssl=settings.redis_tls,
            ssl_ca_certs=settings.redis_ca or None,
            ssl_check_hostname=True,
            **options,
        )
    url = settings.redis_url.get_secret_value()
    return redis.asyncio.Redis.from_url(url, **options) if url else None


def _tls(authorities: str) -> ssl.SSLContext:
    """A context in which a server has to show a certificate for the name it was called by."""
    return ssl.create_default_context(cafile=authorities or None)
