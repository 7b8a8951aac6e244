"""The calls of an experiment as rows, page by page: a row per exposure, with its outcome and its feedback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from middleware.database import Database
from middleware.experiments.errors import ExperimentNotFound
from middleware.experiments.register import Version

MOST_ROWS = 20_000
_ROWS_AT_ONCE = 1000  # so that calls of models need not wait for more
_FEEDBACK = "feedback."
_VERSION = """
    SELECT * FROM experiments WHERE name = $1 AND ($2::integer IS NULL OR version = $2)
    ORDER BY version DESC LIMIT 1
"""
_BOUNDS = """
    SELECT count(*) AS rows, coalesce(max(number), $2) AS last FROM (
        SELECT number FROM experiment_exposures WHERE experiment_id = $1 AND number > $2
        ORDER BY number LIMIT $3
    ) AS page
"""
# Both tables are given the bounds: each of their rows is read once, however many pages there are.
_ROWS = """
    SELECT exposures.number, request_id, unit, arm, role, pair, assigned_at, interface, streamed, team,
           outcomes.number IS NOT NULL AS ended, status, failed, latency_ms, ttft_ms, input_tokens,
           output_tokens, output_tokens / 1000.0::float8 AS output_ktokens, cost_usd, served_model, fell_back
    FROM experiment_exposures AS exposures
    LEFT JOIN experiment_outcomes AS outcomes
        ON outcomes.number = exposures.number AND outcomes.number > $2 AND outcomes.number <= $3
    WHERE experiment_id = $1 AND exposures.number > $2 AND exposures.number <= $3
    ORDER BY exposures.number
"""
_GIVEN = """
    SELECT feedback.number, name, value
    FROM experiment_feedback AS feedback
    JOIN experiment_exposures AS exposures ON exposures.number = feedback.number
    WHERE experiment_id = $1 AND feedback.number > $2 AND feedback.number <= $3
"""
_COUNTS = """
    SELECT arm, role, sum(exposures)::bigint AS exposures, sum(outcomes)::bigint AS outcomes,
           sum(failed)::bigint AS failed, count(*) AS units
    FROM (
        SELECT arm, role, unit, count(*) AS exposures, count(outcomes.number) AS outcomes,
               count(*) FILTER (WHERE failed) AS failed
        FROM experiment_exposures AS exposures
        LEFT JOIN experiment_outcomes AS outcomes ON outcomes.number = exposures.number
        WHERE experiment_id = $1 GROUP BY arm, role, unit
    ) AS units
    GROUP BY arm, role ORDER BY arm, role
"""
_BEFORE = """
    SELECT earlier.unit, count(*) AS calls, avg(cost_usd) AS cost_usd, avg(latency_ms) AS latency_ms,
           avg(ttft_ms) AS ttft_ms, avg(output_tokens)::float8 AS output_tokens
    FROM experiment_exposures AS earlier
    JOIN experiment_outcomes AS outcomes ON outcomes.number = earlier.number
    WHERE earlier.assigned_at >= $2::timestamptz - make_interval(secs => $3 * 86400)
      AND earlier.assigned_at < $2 AND NOT failed AND role = 'answer'
      AND earlier.unit IN (SELECT unit FROM experiment_exposures WHERE experiment_id = $1)
    GROUP BY earlier.unit ORDER BY earlier.unit
"""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order of their assignment: those behind `after`, up to `last`."""

    version: Version
    after: int
    last: int
    is_full: bool
    """Whether there may be more behind it."""


class Outcomes:
    """Reads what was written of an experiment's calls. Everything here raises `DatabaseUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self, name: str, number: int | None) -> Version:
        """A version, the newest where no number is given. Raises `ExperimentNotFound`."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_VERSION, name, number)
        if row is None:
            raise ExperimentNotFound(f"There is no such version of an experiment {name[:100]!r}.")
        return Version.of(row)

    async def page(self, version: Version, after: int, limit: int) -> Page:
        """The page of at most `limit` rows behind `after`."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_BOUNDS, version.id, after, limit)
        return Page(version, after, row["last"], row["rows"] == limit)

    async def lines(self, page: Page) -> AsyncIterator[bytes]:
        """A page's rows as lines of JSON, some at a time."""
        id_, after = page.version.id, page.after
        while after < page.last:
            async with self._database.connection() as connection:
                bounds = await connection.fetchrow(_BOUNDS, id_, after, _ROWS_AT_ONCE)
                if not bounds["rows"]:
                    return
                last = min(bounds["last"], page.last)
                rows = await connection.fetch(_ROWS, id_, after, last)
                given = await connection.fetch(_GIVEN, id_, after, last)
            after = last
            yield _encoded(page.version.number, rows, given)

    async def counts(self, version: Version) -> list[dict[str, Any]]:
        """How many calls and units each arm has."""
        async with self._database.connection() as connection:
            return [dict(row) for row in await connection.fetch(_COUNTS, version.id)]

    async def before(self, version: Version, days: float) -> list[dict[str, Any]]:
        """What a version's units had in any experiment before it started: means by unit."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_BEFORE, version.id, version.started_at, days)
        return [dict(row) for row in rows]


def _encoded(version: int, rows: list[asyncpg.Record], given: list[asyncpg.Record]) -> bytes:
    feedback: dict[int, dict[str, float]] = {}
    for number, name, value in given:
        feedback.setdefault(number, {})[_FEEDBACK + name] = value
    lines = []
    for row in rows:
        line = {"version": version, **row, **feedback.get(row["number"], {})}
        del line["number"]
        lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    return b"".join(lines)
