"""The calls of an experiment as rows, page by page: a row per exposure, with its outcome and its feedback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from middleware.database import Database
from middleware.experiments.register import Version

MOST_ROWS = 20_000
_ROWS_AT_ONCE = 500
_FEEDBACK = "feedback."
_PAGE = """
    SELECT number, exposures.request_id, $4::integer AS version, unit, arm, role, pair, assigned_at,
           interface, streamed, team, outcomes.request_id IS NOT NULL AS ended, status, failed,
           latency_ms, ttft_ms, input_tokens, output_tokens,
           output_tokens / 1000.0::float8 AS output_ktokens, cost_usd, served_model, fell_back
    FROM (
        SELECT * FROM experiment_exposures WHERE experiment_id = $1 AND number > $2
        ORDER BY number LIMIT $3
    ) AS exposures
    LEFT JOIN experiment_outcomes AS outcomes ON outcomes.request_id = exposures.request_id
    ORDER BY number
"""
_GIVEN = """
    SELECT feedback.request_id, feedback.name, feedback.value
    FROM experiment_exposures AS exposures
    JOIN experiment_feedback AS feedback ON feedback.request_id = exposures.request_id
    WHERE experiment_id = $1 AND number > $2 AND number <= $3
"""
_COUNTS = """
    SELECT arm, role, count(*) AS exposures, count(outcomes.request_id) AS outcomes,
           count(*) FILTER (WHERE failed) AS failed, count(DISTINCT unit) AS units
    FROM experiment_exposures AS exposures
    LEFT JOIN experiment_outcomes AS outcomes ON outcomes.request_id = exposures.request_id
    WHERE experiment_id = $1 GROUP BY arm, role ORDER BY arm, role
"""
_NUMBER = """
    SELECT id, version FROM experiments WHERE name = $1 AND ($2::integer IS NULL OR version = $2)
    ORDER BY version DESC LIMIT 1
"""
_PRE = """
    SELECT earlier.unit, count(*) AS calls, avg(cost_usd) AS cost_usd, avg(latency_ms) AS latency_ms,
           avg(ttft_ms) AS ttft_ms, avg(output_tokens)::float8 AS output_tokens
    FROM experiment_exposures AS earlier
    JOIN experiment_outcomes AS outcomes ON outcomes.request_id = earlier.request_id
    WHERE earlier.assigned_at >= $2::timestamptz - make_interval(secs => $3 * 86400)
      AND earlier.assigned_at < $2 AND NOT failed AND role = 'answer'
      AND earlier.unit IN (SELECT unit FROM experiment_exposures WHERE experiment_id = $1)
    GROUP BY earlier.unit ORDER BY earlier.unit
"""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order of their assignment."""

    rows: list[asyncpg.Record]
    feedback: dict[str, dict[str, float]]
    """By request id, then by name."""
    next: int | None
    """What to ask for after it; None where this was the last page."""

    def lines(self) -> Iterator[bytes]:
        """The rows as lines of JSON, some at a time."""
        for start in range(0, len(self.rows), _ROWS_AT_ONCE):
            yield b"".join(map(self._line, self.rows[start : start + _ROWS_AT_ONCE]))

    def _line(self, row: asyncpg.Record) -> bytes:
        line: dict[str, Any] = dict(row)
        del line["number"]
        for name, value in self.feedback.get(line["request_id"], {}).items():
            line[_FEEDBACK + name] = value
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


class Outcomes:
    """Reads what was written of an experiment's calls."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self, name: str, number: int | None) -> tuple[int, int] | None:
        """Id and number of a version, of the newest where none is given; None where there is none."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_NUMBER, name, number)
        return (row["id"], row["version"]) if row else None

    async def page(self, version: tuple[int, int], after: int, limit: int) -> Page:
        """The `limit` rows that follow `after`. Raises `DatabaseUnavailable`."""
        id_, number = version
        async with self._database.connection() as connection:
            rows = await connection.fetch(_PAGE, id_, after, limit, number)
            last = rows[-1]["number"] if rows else after
            given = await connection.fetch(_GIVEN, id_, after, last)
        feedback: dict[str, dict[str, float]] = {}
        for request_id, name, value in given:
            feedback.setdefault(request_id, {})[name] = value
        return Page(rows, feedback, last if len(rows) == limit else None)

    async def counts(self, version: Version) -> list[dict[str, Any]]:
        """How many calls and units each arm has. Raises `DatabaseUnavailable`."""
        async with self._database.connection() as connection:
            return [dict(row) for row in await connection.fetch(_COUNTS, version.id)]

    async def before(self, version: Version, days: float) -> list[dict[str, Any]]:
        """What the units of an experiment had in other experiments before it began: means by unit."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_PRE, version.id, version.started_at, days)
        return [dict(row) for row in rows]
