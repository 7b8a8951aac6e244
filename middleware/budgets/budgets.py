"""Per-model budgets: `async with await (await budgets.purse(identity)).hold(model, body) as reservation`.

A reservation is held in Redis, which says whether it fits, and then written to the database, which says
whether Redis's copy was the newest. Only then is the call made. It ends the other way around.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg

from middleware.auth import Identity
from middleware.budgets.aliases import Aliases
from middleware.budgets.books import Books
from middleware.budgets.errors import BudgetExceeded, BudgetsUnavailable, CostUnknown
from middleware.budgets.estimate import Body, Estimate
from middleware.budgets.ledger import Ask, Full, Granted, Ledger, Ledgers, Missing
from middleware.budgets.limits import Limit, Register
from middleware.budgets.money import shown
from middleware.budgets.period import now
from middleware.budgets.price import Price
from middleware.budgets.purse import Purse
from middleware.budgets.recovery import Recovery
from middleware.budgets.reservation import NOTHING, Held, Reservation
from middleware.catalogue import Catalogue
from middleware.database import Database, DatabaseUnavailable
from middleware.settings import Settings
from middleware.upstream import Upstream

_TRIES = 5
_MOST_LEDGERS = 50_000
_SOON_SECONDS = 2


class Budgets:
    """The budgets of the service."""

    def __init__(
        self, settings: Settings, database: Database, upstream: Upstream, catalogue: Catalogue
    ) -> None:
        replica = uuid4()
        self.standard_period = settings.budget_period
        self.register = Register(database)
        self._catalogue = catalogue
        self._ledgers = Ledgers(settings, str(replica))
        self.books = Books(database, self._ledgers, replica)
        self._recovery = Recovery(settings, self.books, self._ledgers, upstream, replica)
        self._aliases = Aliases(settings, upstream)
        self._opened: dict[tuple[UUID, float], Ledger] = {}

    def start(self) -> None:
        self.register.start()
        self._recovery.start()

    async def close(self) -> None:
        await self._recovery.close()
        await self.register.close()
        await self._ledgers.close()

    async def are_any(self) -> bool:
        """Whether anybody has a budget. Raises `BudgetsUnavailable` where that is not known yet."""
        return await self.register.known()

    async def purse(self, identity: Identity) -> Purse:
        """The budgets of a caller. Raises `BudgetsUnavailable` where they are not known yet."""
        limits = self.register.of(identity) if await self.are_any() else ()
        return Purse(identity, limits, self)

    async def hold(
        self, purse: Purse, model: object, body: Body, estimate: Estimate
    ) -> Reservation:
        """Make a reservation: what `Purse.hold` does."""
        offers = self._catalogue.offers
        if not offers.prices:
            raise BudgetsUnavailable
        if not isinstance(model, str) or not model.strip():
            raise CostUnknown("model is needed: this caller has a budget for one.")
        named = offers.groups(await self._aliases.meant(purse.identity, model))
        if "," in model and model not in offers.prices:
            raise CostUnknown(
                "Several models at a time cannot be called by a caller with a budget."
            )
        found = [limit for limit in purse.limits if offers.groups(limit.model) & named]
        if not found:
            return NOTHING
        usage = estimate(body)
        price = Price.highest(offers.prices.get(group, Price()) for group in named)
        amount = price.bound(model, usage)
        held = await self._held(found, amount)
        return Reservation(held, self._recovery, price, usage, model)

    async def _held(self, limits: Sequence[Limit], amount: int) -> Held:
        try:
            for _ in range(_TRIES):
                call = uuid4()  # another one each time: what is left of a try ends on its own
                asks = [Ask(await self._ledger(limit), amount, limit.amount) for limit in limits]
                ledgers = [ask.ledger for ask in asks]
                said = await self._asked(call, asks)
                match said:
                    case Full():
                        raise _exceeded(limits[said.place], asks[said.place], said)
                    case Missing():
                        await self.books.renew(ledgers[said.place].id)
                    case Granted():
                        if await self._written(call, asks, said.epochs):
                            return Held(call, ledgers, amount)
                        for ledger, epoch in zip(ledgers, said.epochs, strict=True):
                            await self.books.renew(ledger.id, epoch)
        except (DatabaseUnavailable, asyncpg.PostgresError) as error:
            raise BudgetsUnavailable from error
        raise BudgetsUnavailable

    async def _asked(self, call: UUID, asks: Sequence[Ask]) -> Granted | Missing | Full:
        try:
            return await self._ledgers.reserve(str(call), asks)
        except BaseException:
            # nobody knows whether it was done, so the copies are made anew as soon as that can be
            self._recovery.renew([ask.ledger.id for ask in asks])
            raise

    async def _written(self, call: UUID, asks: Sequence[Ask], epochs: Sequence[str]) -> bool:
        ledgers = [ask.ledger for ask in asks]
        try:
            done = await self.books.hold(call, asks, epochs)
        except BaseException:
            # it may have been written, and the answer lost
            self._recovery.undo(Held(call, ledgers, asks[0].amount))
            raise
        if not done:
            self._recovery.undo(Held(call, ledgers, asks[0].amount))
        return done

    async def _ledger(self, limit: Limit) -> Ledger:
        period = limit.length.period(limit.began_at, now())
        name = (limit.budget, period.start.timestamp())
        ledger = self._opened.get(name)
        if ledger is None:
            ledger = await self.books.open(limit.budget, period)
            if len(self._opened) >= _MOST_LEDGERS:
                self._opened.clear()
            self._opened[name] = ledger
        return ledger


def _exceeded(limit: Limit, ask: Ask, full: Full) -> BudgetExceeded:
    resets = ask.ledger.ends_at
    seconds = max(1, math.ceil((resets - now()).total_seconds()))
    whose = "The key's" if limit.owner.startswith("key:") else "The user's"
    parts = f"{shown(full.spent)} of it is spent"
    soon = full.spent + ask.amount <= limit.amount
    if full.reserved:
        parts += f" and {shown(full.reserved)} is reserved for calls under way"
    message = (
        f"{whose} budget for the model {limit.model!r} is {shown(limit.amount)} in {limit.length.text}: "
        f"{parts}, and this call may cost up to {shown(ask.amount)}. "
        f"The budget is reset at {resets.isoformat(timespec='seconds')}."
    )
    headers = {"retry-after": str(_SOON_SECONDS if soon else seconds)}
    if not soon:
        headers["x-should-retry"] = "false"  # OpenAI's clients would try again within seconds
    return BudgetExceeded(message, headers)
