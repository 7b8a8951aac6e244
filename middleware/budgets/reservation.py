"""What is held for one call, from before it is made until it is known what it did cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from middleware.budgets.errors import BudgetExceeded
from middleware.budgets.estimate import Body, chat
from middleware.budgets.ledger import Ledger
from middleware.budgets.money import nano
from middleware.budgets.price import Price
from middleware.budgets.usage import Usage
from middleware.errors import UpstreamUnavailable
from middleware.sending import Headers

CALL_ID = b"x-litellm-call-id"
"""The header by which LiteLLM is told, and tells in its spend log, which call it is."""


class Settling(Protocol):
    """Where reservations end."""

    async def settle(self, held: Held, cost: int, source: str) -> None:
        """End one, with its cost in nano-dollars."""

    def look_up(self, held: Held, otherwise: int) -> None:
        """End one later, with what LiteLLM says that it did cost, or else with `otherwise`."""


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation as it is written down."""

    call: UUID
    ledgers: Sequence[Ledger]
    amount: int


class Reservation:
    """A call's reservation, as a context around the call. Nothing is held for callers without a budget."""

    def __init__(
        self, held: Held | None, settling: Settling, price: Price, usage: Usage, model: str
    ) -> None:
        self._held = held
        self._settling = settling
        self._price = price
        self._usage = usage
        self._model = model
        self._is_sent = False
        self._is_over = False
        self._delivered = 0

    @property
    def is_held(self) -> bool:
        """Whether anything is held, and the call's cost has to be found out."""
        return self._held is not None

    def sending(self, headers: Headers) -> Headers:
        """The headers to send to LiteLLM with the call, which from now on may cost something."""
        if self._held is None:
            return headers
        self._is_sent = True
        others = [pair for pair in headers if pair[0] != CALL_ID]
        return [*others, (CALL_ID, str(self._held.call).encode())]

    def check(self, body: Body, encoded: bytes) -> None:
        """See to it that what is held is enough for the conversation that was put together.

        Raises:
            BudgetExceeded: it is not: somebody went on with the conversation in the meantime.
        """
        if self._held is None:
            return
        if self._price.bound(self._model, chat(body, encoded)) > self._held.amount:
            raise BudgetExceeded(
                "The conversation has grown since its budget was asked. Try again.",
                {"retry-after": "1"},
            )

    def delivered(self, size: int) -> None:
        """So many bytes of the answer's text have reached the caller."""
        if self._held is not None:
            self._delivered += size

    async def settle(self, cost: float | None) -> None:
        """The call is over and did cost so many dollars; None where LiteLLM has not said."""
        if self._held is None or self._is_over:
            return
        self._is_over = True
        if cost is None:
            self._settling.look_up(self._held, self._held.amount)
        else:
            await self._settling.settle(self._held, nano(cost), "response")

    async def refused(self, cost: float | None, said: bytes) -> None:
        """LiteLLM answered with an error, which costs nothing as a rule.

        Args:
            cost: what it says that it did cost all the same.
            said: the error. A guardrail may have withheld an answer that was paid for, which only LiteLLM's
                spend log knows.
        """
        if self._held is None or self._is_over:
            return
        if cost or b"guardrail" not in said.lower():
            await self.settle(cost or 0.0)
        else:
            self._is_over = True
            self._settling.look_up(self._held, 0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._held is None or self._is_over:
            return
        self._is_over = True
        if not self._is_sent or isinstance(error, UpstreamUnavailable):
            await self._settling.settle(self._held, 0, "not sent")
        else:
            self._settling.look_up(self._held, self._partial(self._held))

    def _partial(self, held: Held) -> int:
        """What a call cost at most that broke off: all that was read, and what was delivered."""
        usage = self._usage
        written = Usage(
            usage.input_tokens,
            usage.inputs,
            max(1, self._delivered),
            has_media=usage.has_media,
            is_opaque=usage.is_opaque,
            units=usage.units,
        )
        return min(held.amount, self._price.bound(self._model, written))


class _Nowhere:
    """Where nothing ends, since nothing was held."""

    async def settle(self, held: Held, cost: int, source: str) -> None:
        raise AssertionError

    def look_up(self, held: Held, otherwise: int) -> None:
        raise AssertionError


NOTHING = Reservation(None, _Nowhere(), Price(), Usage(), "")
"""The reservation of a call without a budget."""
