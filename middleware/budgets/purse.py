"""A caller's budgets, as far as a call needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from middleware.auth import Identity
from middleware.budgets.estimate import Body, Estimate, after, chat, check
from middleware.budgets.limits import Limit
from middleware.budgets.reservation import NOTHING, Reservation
from middleware.history.conversations import Conversations
from middleware.history.wish import Wish


class Holding(Protocol):
    """Where reservations are made."""

    async def hold(
        self, purse: Purse, model: object, body: Body, estimate: Estimate
    ) -> Reservation:
        """Make one, in every budget of the purse that is for the model."""


class Purse(NamedTuple):
    """Whose it is, and what is in it: nothing, for most."""

    identity: Identity
    limits: Sequence[Limit]
    holding: Holding

    async def hold(self, model: object, body: Body, estimate: Estimate = chat) -> Reservation:
        """Hold what a call may cost at most, where there is a budget for its model; else nothing.

        Args:
            model: the name that the caller gave.
            body: of the call.
            estimate: how much it may use.

        Raises:
            BudgetExceeded, BudgetsUnavailable, CostUnknown
        """
        if not self.limits:
            return NOTHING
        check(body)
        return await self.holding.hold(self, model, body, estimate)

    async def hold_turn(
        self, model: object, body: Body, conversations: Conversations, wish: Wish
    ) -> Reservation:
        """The same for a turn of a conversation, whose earlier turns the model is going to read as well."""
        if not self.limits or wish.session_id is None:
            return await self.hold(model, body)
        size, is_plain = await conversations.size(self.identity, wish)
        return await self.hold(model, body, after(chat, size, is_plain=is_plain))
