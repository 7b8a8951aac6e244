"""What is written of the calls of an experiment: exposures before a call, outcomes after it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from secrets import token_hex
from typing import Literal, NamedTuple

from middleware.database import Database, DatabaseUnavailable
from middleware.together import Together

log = logging.getLogger("middleware")
Interface = Literal["openai", "bedrock"]
PATIENCE_SECONDS = 60.0
"""How long an outcome waits for a database that restarts or fails over."""
# What is there already under the same id is the same exposure, written by a statement whose answer was lost,
# or another call's: callers choose their request ids.
_EXPOSE = """
    INSERT INTO experiment_exposures AS known (
        request_id, experiment_id, unit, arm, role, pair, assigned_at, interface, streamed, team, by_key,
        by_user
    )
    SELECT * FROM unnest(
        $1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
        $8::text[], $9::boolean[], $10::text[], $11::text[], $12::text[]
    )
    ON CONFLICT (request_id) DO UPDATE SET request_id = excluded.request_id
    WHERE (known.experiment_id, known.unit, known.role, known.assigned_at)
        = (excluded.experiment_id, excluded.unit, excluded.role, excluded.assigned_at)
    RETURNING request_id, number
"""
_END = """
    INSERT INTO experiment_outcomes
    SELECT * FROM unnest(
        $1::bigint[], $2::timestamptz[], $3::smallint[], $4::boolean[], $5::float8[], $6::float8[],
        $7::bigint[], $8::bigint[], $9::float8[], $10::text[], $11::boolean[]
    )
    ON CONFLICT DO NOTHING
"""
_WITHDRAW = "DELETE FROM experiment_exposures WHERE number = $1"


@dataclass(frozen=True, slots=True)
class Exposure:
    """A call that was assigned."""

    request_id: str
    experiment_id: int
    unit: str
    arm: str
    role: Literal["answer", "shadow"]
    pair: str | None
    assigned_at: datetime
    interface: Interface
    streamed: bool
    team: str | None
    by_key: str
    """Hash of the key that made it."""
    by_user: str | None
    """Hash of the user whose key that is."""


class Written(NamedTuple):
    """An exposure that is durable."""

    number: int
    request_id: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended; what is not known is None."""

    number: int
    """That of its exposure."""
    ended_at: datetime
    status: int
    failed: bool
    latency_ms: float | None
    ttft_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    served_model: str | None
    fell_back: bool


class Records:
    """Writes both, many at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._exposures = Together[Exposure, int | None](self._expose)
        self._outcomes = Together[Outcome, None](self._end)
        self._ending: set[asyncio.Task[None]] = set()

    async def expose(self, exposure: Exposure) -> Written:
        """Write an exposure, durably; returns its number, and the request id that the call has from now on.

        That is another one where the caller has used his before: no call may hide another. Raises
        `DatabaseUnavailable`, upon which the call must not be made.
        """
        while (number := await self._exposures.do(exposure)) is None:
            another = token_hex(16)
            pair = another if exposure.pair == exposure.request_id else exposure.pair
            exposure = replace(exposure, request_id=another, pair=pair)
        return Written(number, exposure.request_id)

    async def withdraw(self, number: int) -> None:
        """Take back the exposure of a call that was not made after all. Raises `DatabaseUnavailable`."""
        async with self._database.connection() as connection:
            await connection.execute(_WITHDRAW, number)

    def end(self, outcome: Outcome) -> None:
        """Have an outcome written beside what goes on, through a restart of the database."""
        task = asyncio.create_task(self._end_patiently(outcome))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Wait until every outcome is written."""
        await asyncio.gather(*self._ending)

    async def _end_patiently(self, outcome: Outcome) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                await self._outcomes.do(outcome)
                return
            except DatabaseUnavailable:
                if time.monotonic() > deadline:
                    break
                await asyncio.sleep(0.2)
            except Exception:
                log.exception("an outcome cannot be written")
                return
        log.error("the database was away too long for an outcome to be written")

    async def _expose(self, exposures: Sequence[Exposure]) -> list[int | None]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(_EXPOSE, *_columns(exposures))
        numbers: dict[str, int] = dict(rows)
        return [numbers.get(exposure.request_id) for exposure in exposures]

    async def _end(self, outcomes: Sequence[Outcome]) -> list[None]:
        async with self._database.connection() as connection:
            await connection.execute(_END, *_columns(outcomes))
        return [None] * len(outcomes)


def _columns(rows: Sequence[Exposure] | Sequence[Outcome]) -> list[list[object]]:
    return [list(column) for column in zip(*map(astuple, rows), strict=True)]
