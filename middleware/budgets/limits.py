"""Which budgets there are. Every replica knows all of them, so that asking costs a look into a dictionary.

They are few, rows of text, and change seldom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from middleware.auth import Identity
from middleware.budgets.errors import BudgetsUnavailable
from middleware.budgets.period import Length, now
from middleware.budgets.wish import Wanted
from middleware.database import Database
from middleware.revisions import Revisions

_CHANGED = "SELECT * FROM model_budgets WHERE revision > $1 ORDER BY revision"
_LOCK = (
    4_771_902_319  # writers take their revisions one after the other, or a reader could miss one
)


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget of one owner for one model."""

    budget: UUID
    owner: str
    model: str
    amount: int
    length: Length
    began_at: datetime


Limits = Mapping[str, Limit]
"""By model."""
_NONE: Limits = {}


def user(user_id: str) -> str:
    """The owner that a user is."""
    return f"user:{user_id}"


def key(key_hash: str) -> str:
    """The owner that a key is."""
    return f"key:{key_hash}"


class Register:
    """Keeps what is known of them, and writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, dict[str, Limit]] = {}
        self._revisions = Revisions(database, _CHANGED, self._take, subject="budgets")

    def start(self) -> None:
        self._revisions.start()

    async def close(self) -> None:
        await self._revisions.close()

    @property
    def is_empty(self) -> bool:
        """Whether it is known that nobody has a budget."""
        return not self._known and self._revisions.are_known

    async def known(self) -> bool:
        """Whether there is any budget. Waits until it is known, which it is once the database was asked.

        Raises:
            BudgetsUnavailable: the database cannot be asked.
        """
        if not self._revisions.are_known and not await self._revisions.become_known():
            raise BudgetsUnavailable
        return bool(self._known)

    def of(self, identity: Identity) -> list[Limit]:
        """The budgets that a caller's calls may count against: the key's own and its user's."""
        found = list(self.of_owner(key(identity.key_hash)).values())
        if identity.user_id is not None:
            found += self.of_owner(user(identity.user_id)).values()
        return found

    def of_owner(self, owner: str) -> Limits:
        return self._known.get(owner, _NONE)

    async def put(self, owner: str, budgets: Mapping[str, Wanted]) -> None:
        """Give an owner these budgets, and no others.

        What is spent stays spent, also of a budget that was taken away and is given again; a period of
        another length begins now. Raises `DatabaseUnavailable`.
        """
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            rows = await connection.fetch("SELECT * FROM model_budgets WHERE owner = $1", owner)
            before = {row["model"]: row for row in rows}
            for model, wanted in budgets.items():
                row = before.get(model)
                goes_on = row is not None and row["period"] == wanted.period
                await _write(
                    connection,
                    (
                        owner,
                        model,
                        row["budget_id"] if row and goes_on else uuid4(),
                        wanted.limit,
                        wanted.period,
                        row["began_at"] if row and goes_on else now(),
                        False,
                    ),
                )
            gone = [model for model in before if model not in budgets]
            await _remove(connection, owner, gone)
        await self._revisions.read()

    async def take_over(self, old: str, new: str) -> None:
        """Give `new` the budgets of `old`, with what is spent of them. Raises `DatabaseUnavailable`."""
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            rows = await connection.fetch("SELECT * FROM model_budgets WHERE owner = $1", old)
            for row in rows:
                await _write(connection, (new, *tuple(row)[1:7]))
        await self._revisions.read()

    async def remove(self, owners: Sequence[str]) -> None:
        """Take all budgets away from owners that are no more. Raises `DatabaseUnavailable`."""
        known = [owner for owner in owners if owner in self._known]
        if not known:
            return
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            for owner in known:
                await _remove(connection, owner, list(self._known[owner]))
        await self._revisions.read()

    def _take(self, rows: Iterable[asyncpg.Record]) -> None:
        for owner, model, budget, amount, period, began_at, removed, _ in rows:
            models = self._known.setdefault(owner, {})
            if removed:
                models.pop(model, None)
            else:
                length = Length.parse(period)
                models[model] = Limit(budget, owner, model, amount, length, began_at)
            if not models:
                del self._known[owner]


async def _write(connection: asyncpg.Connection, row: tuple[object, ...]) -> None:
    await connection.execute(
        """
        INSERT INTO model_budgets (owner, model, budget_id, amount, period, began_at, removed)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (owner, model) DO UPDATE SET
            budget_id = excluded.budget_id, amount = excluded.amount, period = excluded.period,
            began_at = excluded.began_at, removed = excluded.removed,
            revision = nextval('model_budget_revisions')
        """,
        *row,
    )


async def _remove(connection: asyncpg.Connection, owner: str, models: Sequence[str]) -> None:
    await connection.execute(
        "UPDATE model_budgets SET removed = true, revision = nextval('model_budget_revisions') "
        "WHERE owner = $1 AND model = ANY ($2::text[]) AND NOT removed",
        owner,
        list(models),
    )
