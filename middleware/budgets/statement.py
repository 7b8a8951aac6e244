"""Budgets as they are shown: what there is, what of it is spent and held, and when it begins anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from middleware.budgets.books import Books
from middleware.budgets.limits import Register
from middleware.budgets.money import dollars
from middleware.budgets.period import now

Statement = dict[str, dict[str, Any]]
"""By model."""


async def statements(
    register: Register, books: Books, owners: Iterable[str]
) -> dict[str, Statement]:
    """The budgets of each owner. Raises `DatabaseUnavailable`."""
    moment = now()
    limits = {owner: list(register.of_owner(owner).values()) for owner in owners}
    periods = {
        (limit.owner, limit.model): limit.length.period(limit.began_at, moment)
        for found in limits.values()
        for limit in found
    }
    asked = {
        limit.budget: periods[limit.owner, limit.model].start
        for found in limits.values()
        for limit in found
    }
    sums = await books.sums(list(asked.items()))
    result: dict[str, Statement] = {}
    for owner, found in limits.items():
        result[owner] = {}
        for limit in found:
            spent, reserved = sums.get(limit.budget, (0, 0))
            result[owner][limit.model] = {
                "budget_limit": dollars(limit.amount),
                "time_period": limit.length.text,
                "spent": dollars(spent),
                "reserved": dollars(reserved),
                "resets_at": periods[owner, limit.model].end.isoformat(timespec="seconds"),
            }
    return result
