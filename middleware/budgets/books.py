"""The truth of what is spent and held, in PostgreSQL; Redis has a copy of it.

Whoever writes for a ledger holds its row shared, whoever makes the copy anew holds it alone until the copy is
in Redis. So a reservation is either in the copy, or it was made in an older one and is not written; and what
ends while the copy is made ends in the copy too.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from middleware.budgets.ledger import Ask, Ledger, Ledgers
from middleware.budgets.period import Period
from middleware.database import Database

_OPEN = """
    WITH made AS (
        INSERT INTO budget_ledgers (budget_id, began_at, ends_at) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING RETURNING id
    )
    SELECT id FROM made UNION ALL
    SELECT id FROM budget_ledgers WHERE budget_id = $1 AND began_at = $2
"""
_HOLD = """
    WITH live AS MATERIALIZED (
        SELECT ledgers.id, asked.amount FROM budget_ledgers AS ledgers
        JOIN unnest($3::bigint[], $4::text[], $5::bigint[]) AS asked (id, epoch, amount)
        ON ledgers.id = asked.id AND ledgers.epoch = asked.epoch
        FOR SHARE OF ledgers
    )
    INSERT INTO budget_reservations (call_id, replica, ledger_id, amount)
    SELECT $1, $2, id, amount FROM live WHERE (SELECT count(*) FROM live) = cardinality($3::bigint[])
"""
_BOOK = """
    WITH held AS MATERIALIZED (
        SELECT id FROM budget_ledgers WHERE id = ANY ($2::bigint[]) FOR SHARE
    ), ended AS (
        DELETE FROM budget_reservations
        WHERE call_id = $1 AND ledger_id IN (SELECT id FROM held) RETURNING ledger_id, amount
    )
    INSERT INTO budget_bookings (call_id, ledger_id, reserved, amount, source)
    SELECT $1, ledger_id, amount, $3, $4 FROM ended
"""
_BOOKED = "SELECT max(amount) FROM budget_bookings WHERE call_id = $1"
_LOST = """
    SELECT call_id, array_agg(ledger_id) AS ledgers, max(amount) AS amount,
           max(extract(epoch FROM now() - reserved_at))::float8 AS seconds
    FROM budget_reservations WHERE replica = $1 GROUP BY call_id ORDER BY call_id LIMIT $2
"""
_SUM = "SELECT coalesce(sum(amount), 0)::bigint FROM budget_bookings WHERE ledger_id = $1"
_SUMS = """
    SELECT budget_id, ledgers.id,
           (SELECT coalesce(sum(amount), 0)::bigint FROM budget_bookings WHERE ledger_id = ledgers.id),
           (SELECT coalesce(sum(amount), 0)::bigint FROM budget_reservations
            WHERE ledger_id = ledgers.id)
    FROM budget_ledgers AS ledgers
    JOIN unnest($1::uuid[], $2::timestamptz[]) AS asked (budget, began)
    ON ledgers.budget_id = asked.budget AND ledgers.began_at = asked.began
"""
_BATCH = 200


@dataclass(frozen=True, slots=True)
class Lost:
    """A call whose replica is gone."""

    call: UUID
    ledgers: tuple[int, ...]
    amount: int
    seconds: float
    """Since it was reserved."""


class Books:
    """Reads and writes the tables. Every method raises `DatabaseUnavailable`."""

    def __init__(self, database: Database, ledgers: Ledgers, replica: UUID) -> None:
        self._database = database
        self._ledgers = ledgers
        self._replica = replica

    async def open(self, budget: UUID, period: Period) -> Ledger:
        """The ledger of a budget in a period, which begins with its first call."""
        async with self._database.connection() as connection:
            number = await connection.fetchval(_OPEN, budget, period.start, period.end)
            if number is None:  # another replica has just made it, after this statement began
                number = await connection.fetchval(_OPEN, budget, period.start, period.end)
        return Ledger(number, period.end)

    async def hold(self, call: UUID, asks: Sequence[Ask], epochs: Sequence[str]) -> bool:
        """Write a reservation; False where one of the copies that it was made in is not the newest."""
        async with self._database.connection() as connection:
            done = await connection.execute(
                _HOLD,
                call,
                self._replica,
                [ask.ledger.id for ask in asks],
                list(epochs),
                [ask.amount for ask in asks],
            )
        return bool(done != "INSERT 0 0")

    async def book(self, call: UUID, ledgers: Sequence[int], cost: int, source: str) -> int:
        """End a reservation with what the call did cost; returns that, or what it ended with before."""
        async with self._database.connection() as connection:
            done = await connection.execute(_BOOK, call, list(ledgers), cost, source)
            if done != "INSERT 0 0":
                return cost
            booked = await connection.fetchval(_BOOKED, call)
        return booked or 0

    async def renew(self, number: int, known: str | None = None) -> Ledger:
        """Make the copy of a ledger anew, unless it is another one than `known` by now.

        Raises:
            BudgetsUnavailable: Redis does not answer.
        """
        async with self._database.connection() as connection, connection.transaction():
            row = await connection.fetchrow(
                "SELECT epoch, ends_at FROM budget_ledgers WHERE id = $1 FOR UPDATE", number
            )
            ledger = Ledger(number, row["ends_at"])
            if await self._ledgers.epoch(ledger) == row["epoch"] not in ("", known):
                return ledger
            epoch = secrets.token_hex(8)
            await connection.execute(
                "UPDATE budget_ledgers SET epoch = $2 WHERE id = $1", number, epoch
            )
            spent = await connection.fetchval(_SUM, number)
            held = await connection.fetch(
                "SELECT call_id, amount FROM budget_reservations WHERE ledger_id = $1", number
            )
            rows = [(str(call), amount) for call, amount in held]
            await self._ledgers.load(ledger, epoch, spent, rows)
        return ledger

    async def sums(self, asked: Sequence[tuple[UUID, datetime]]) -> dict[UUID, tuple[int, int]]:
        """Spent and reserved of each budget in the period that began then."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_SUMS, [a for a, _ in asked], [b for _, b in asked])
        return {row[0]: (row[2], row[3]) for row in rows}

    async def ends(self, numbers: Sequence[int]) -> list[Ledger]:
        """The ledgers with these ids."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT id, ends_at FROM budget_ledgers WHERE id = ANY ($1::bigint[])",
                list(numbers),
            )
        return [Ledger(*row) for row in rows]

    async def appear(self) -> None:
        """Say that this replica is there."""
        async with self._database.connection() as connection:
            await connection.execute(
                "INSERT INTO budget_replicas (id) VALUES ($1) "
                "ON CONFLICT (id) DO UPDATE SET seen_at = now()",
                self._replica,
            )

    async def silent(self, seconds: float) -> list[UUID]:
        """Replicas that have said nothing for so long, and those with reservations that never did."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT id FROM budget_replicas WHERE seen_at < now() - $1 * interval '1 second' "
                "UNION SELECT replica FROM budget_reservations "
                "WHERE replica NOT IN (SELECT id FROM budget_replicas) "
                "AND reserved_at < now() - $1 * interval '1 second' LIMIT 100",
                seconds,
            )
        return [row[0] for row in rows if row[0] != self._replica]

    async def lost(self, replica: UUID) -> list[Lost]:
        """Calls that a replica has left behind, some of them."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_LOST, replica, _BATCH)
        return [Lost(row[0], tuple(row[1]), row[2], row[3]) for row in rows]

    async def vanish(self, replica: UUID) -> None:
        """Forget a replica that has left nothing behind."""
        async with self._database.connection() as connection:
            await connection.execute("DELETE FROM budget_replicas WHERE id = $1", replica)

    async def retire(self) -> None:
        """Say that this replica is gone, so that others need not wait for it."""
        async with self._database.connection() as connection:
            await connection.execute(
                "UPDATE budget_replicas SET seen_at = 'epoch' WHERE id = $1", self._replica
            )
