"""A call that is only passed on, with what it holds while it is under way: a slot first, then a reservation.

Waiting for a slot must not hold money, so the reservation comes second. What goes back passes a meter.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType

from starlette.types import Message, Scope, Send

from middleware.budgets.meter import Meter
from middleware.budgets.reservation import Reservation


class Spending(AbstractAsyncContextManager[None]):
    """As a context it holds both; `scope` and `send` are what the call is to be passed on with."""

    def __init__(
        self,
        scope: Scope,
        send: Send,
        slot: AbstractAsyncContextManager[None],
        reserve: Callable[[], Awaitable[Reservation]],
        *,
        hides_usage: bool,
    ) -> None:
        headers = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        self.scope: Scope = {**scope, "headers": headers}
        self._send = send
        self._slot = slot
        self._reserve = reserve
        self._hides_usage = hides_usage
        self._meter: Meter | None = None
        self._held = AsyncExitStack()

    async def send(self, message: Message) -> None:
        await (self._meter or self._send)(message)

    async def __aenter__(self) -> None:
        async with AsyncExitStack() as held:
            await held.enter_async_context(self._slot)
            reservation = await held.enter_async_context(await self._reserve())
            self._held = held.pop_all()
        self.scope["headers"] = reservation.sending(self.scope["headers"])
        if reservation.is_held or self._hides_usage:
            self._meter = Meter(self._send, reservation, hides_usage=self._hides_usage)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self._held.__aexit__(kind, error, at)
