"""Starting, ramping, stopping and promoting: what administrators change of an experiment.

Every change is one transaction under one lock, so that layers cannot be overbooked by two replicas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg
import orjson
from pydantic import ValidationError

from middleware.catalogue import Catalogue
from middleware.database import Database
from middleware.experiments.assignment import Range, free_range
from middleware.experiments.definition import Definition, digest
from middleware.experiments.errors import (
    ExperimentConflict,
    ExperimentInvalid,
    ExperimentNotFound,
    ExperimentsUnavailable,
)
from middleware.experiments.register import Register
from middleware.prompts.arn import PromptArn

_LOCK = 4_771_902_320  # any number, the same in every replica
_NEWEST = "SELECT * FROM experiments WHERE name = $1 ORDER BY version DESC LIMIT 1"
_TAKEN = """
    SELECT taken_from, reserved FROM experiments
    WHERE layer = $1 AND state = 'running' AND name <> $2
"""
_INSERT = """
    INSERT INTO experiments (name, version, digest, document, share, taken_from, reserved, layer)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_TOLERANCE = 1e-9


class Lifecycle:
    """Changes experiments, and has this replica know of it at once."""

    def __init__(self, database: Database, register: Register, catalogue: Catalogue) -> None:
        self._database = database
        self._register = register
        self._catalogue = catalogue

    async def start(self, name: str, document: Any, *, new_version: bool) -> bool:
        """Freeze a document and start it; False where the same one is running already.

        Args:
            name: of the experiment.
            document: the whole file; its `routing` is a `Definition`.
            new_version: whether a running version of another document is stopped for this one.

        Raises:
            ExperimentInvalid, ExperimentConflict, ExperimentsUnavailable, DatabaseUnavailable
        """
        definition = read(name, document)
        await self._check_models(definition)
        frozen = digest(document)
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            before = await connection.fetchrow(_NEWEST, name)
            running = before if before and before["state"] == "running" else None
            if running and running["digest"] == frozen:
                return False
            if running and not new_version:
                raise ExperimentConflict(
                    f"Version {running['version']} of {name!r} is running, and this file differs from it. "
                    "Stop it first, or ask for a new version, which assigns all units anew."
                )
            number = before["version"] + 1 if before else 1
            if running:
                await _end(connection, running["id"], "stopped", f"replaced by version {number}")
            taken_from = await _room(connection, definition, running)
            await connection.execute(
                _INSERT,
                name,
                number,
                frozen,
                orjson.dumps(document),
                definition.ramp[0],
                taken_from,
                definition.ramp[-1],
                definition.layer,
            )
        await self._register.read()
        return True

    async def ramp(self, name: str, share: float) -> None:
        """Have a larger share of the layer take part.

        Raises:
            ExperimentInvalid, ExperimentNotFound, ExperimentConflict, DatabaseUnavailable
        """
        async with self._database.connection() as connection, connection.transaction():
            row = await _running(connection, name)
            if not row["share"] - _TOLERANCE <= share <= row["reserved"] + _TOLERANCE:
                raise ExperimentInvalid(
                    f"share must be between {row['share']:g}, which takes part now, and "
                    f"{row['reserved']:g}, the last step of the ramp. A share that shrinks would move units."
                )
            await connection.execute(
                "UPDATE experiments SET share = $2, revision = nextval('experiment_revisions') WHERE id = $1",
                row["id"],
                min(share, row["reserved"]),
            )
        await self._register.read()

    async def stop(self, name: str, reason: str) -> None:
        """Have everybody served by the control. One that is stopped stays so, with its first reason.

        Raises:
            ExperimentNotFound, DatabaseUnavailable
        """
        async with self._database.connection() as connection, connection.transaction():
            row = await _locked(connection, name)
            if row["state"] != "stopped":
                await _end(connection, row["id"], "stopped", reason)
        await self._register.read()

    async def promote(self, name: str, arm: str) -> None:
        """Have everybody served by one arm, and end the experiment.

        Raises:
            ExperimentInvalid, ExperimentNotFound, DatabaseUnavailable
        """
        async with self._database.connection() as connection, connection.transaction():
            row = await _locked(connection, name)
            arms = [each["name"] for each in orjson.loads(row["document"])["routing"]["arms"]]
            if arm not in arms:
                raise ExperimentInvalid(f"There is no arm {arm!r}; there are {', '.join(arms)}.")
            await _end(connection, row["id"], "promoted", f"{arm} was promoted", arm)
        await self._register.read()

    async def _check_models(self, definition: Definition) -> None:
        catalogue = self._catalogue
        models = [arm.model for arm in definition.arms if PromptArn.parse(arm.model) is None]
        if not catalogue.is_known or any(map(catalogue.lacks, models)):
            await catalogue.ask()  # it may have been created a moment ago
        if not catalogue.is_known:
            raise ExperimentsUnavailable(
                "What LiteLLM serves cannot be told now. Try again shortly."
            )
        if lacking := sorted(set(filter(catalogue.lacks, models))):
            raise ExperimentInvalid(f"The gateway has no model {', '.join(map(repr, lacking))}.")


def read(name: str, document: Any) -> Definition:
    """What the service reads of an experiment's file.

    Raises:
        ExperimentInvalid: it is none, or not of this name.
    """
    routing = document.get("routing") if isinstance(document, Mapping) else None
    try:
        definition = Definition.model_validate(routing)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, ("routing", *first["loc"])))
        message = first["msg"].removeprefix("Value error, ")
        raise ExperimentInvalid(f"{where}: {message}.") from None
    if definition.name != name:
        raise ExperimentInvalid(f"routing.name is {definition.name!r}, and the path says {name!r}.")
    return definition


async def _room(
    connection: asyncpg.Connection, definition: Definition, running: asyncpg.Record | None
) -> float:
    """Where a new version's part of its layer begins: where the last one's did, if that is possible."""
    rows = await connection.fetch(_TAKEN, definition.layer, definition.name)
    taken: list[Range] = [(row["taken_from"], row["reserved"]) for row in rows]
    size = definition.ramp[-1]
    if running and running["layer"] == definition.layer:
        start = running["taken_from"]
        end = start + size
        if end <= 1 + _TOLERANCE and all(
            end <= other + _TOLERANCE or other + length <= start + _TOLERANCE
            for other, length in taken
        ):
            return float(start)
    found = free_range(taken, size)
    if found is None:
        left = 1 - sum(length for _, length in taken)
        raise ExperimentConflict(
            f"The layer {definition.layer!r} has no room: {left:.0%} of its units are in no experiment, "
            f"and this one may come to need {size:.0%} side by side."
        )
    return found


async def _locked(connection: asyncpg.Connection, name: str) -> asyncpg.Record:
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    row = await connection.fetchrow(_NEWEST, name)
    if row is None:
        raise ExperimentNotFound(f"There is no experiment {name[:100]!r}.")
    return row


async def _running(connection: asyncpg.Connection, name: str) -> asyncpg.Record:
    row = await _locked(connection, name)
    if row["state"] != "running":
        raise ExperimentConflict(f"The experiment {name!r} is {row['state']}.")
    return row


async def _end(
    connection: asyncpg.Connection, id_: int, state: str, reason: str, arm: str | None = None
) -> None:
    await connection.execute(
        """
        UPDATE experiments SET state = $2, reason = $3, promoted = $4,
            stopped_at = coalesce(stopped_at, now()), revision = nextval('experiment_revisions')
        WHERE id = $1
        """,
        id_,
        state,
        reason,
        arm,
    )
