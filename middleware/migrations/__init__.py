"""The schema of the service's database, a revision at a time; applied when the service starts.

Revisions are added, never changed, and each must let the version before it of the service go on working:
in a rolling deployment both run for a while.
"""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from middleware.stores import Postgres

log = logging.getLogger("middleware")
_DRIVER = "postgresql+asyncpg://"
_LOCK = 4_771_902_318  # any number, the same in every replica


async def upgrade(postgres: Postgres) -> None:
    """Bring a database up to date; replicas that start together do it one after the other."""
    engine = create_async_engine(_DRIVER, async_creator=postgres.connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    present = MigrationContext.configure(connection).get_current_revision()
    if present is None or present in known:
        command.upgrade(config, "head")
    else:
        log.warning(
            "the database is of a later version of the service", extra={"revision": present}
        )
