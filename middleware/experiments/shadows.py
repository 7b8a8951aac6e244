"""Calls beside those that answer: made for nobody but the record, and never at a caller's cost in time."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_hex

from starlette.types import Message

from middleware.admission.errors import Overloaded
from middleware.again import again
from middleware.budgets.errors import BudgetExceeded, BudgetsUnavailable, CostUnknown
from middleware.database import DatabaseUnavailable
from middleware.errors import ServiceError
from middleware.exchange import Exchange, enter
from middleware.experiments.calls import Called, Made
from middleware.experiments.definition import Arm
from middleware.experiments.observer import Observer
from middleware.experiments.records import Exposure, Records
from middleware.experiments.trial import Trial
from middleware.metrics.instruments import EXPOSURES

log = logging.getLogger("middleware")
_CLOSING_SECONDS = 5.0
# a budget without room, or no slot: then there is no shadow, which says nothing of the arm
_NOT_MADE = (BudgetExceeded, BudgetsUnavailable, CostUnknown, Overloaded)


class Shadows:
    """Keeps a bounded number of them under way."""

    def __init__(self, records: Records, most: int) -> None:
        self._records = records
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, call: Called, arm: Arm, exposure: Exposure, *, beside: str) -> None:
        """Make a call of an arm beside another one; nothing happens where too many are under way.

        Args:
            call: as its caller made it.
            arm: to call.
            exposure: that of the answering call.
            beside: its request id.
        """
        if len(self._tasks) >= self._most:
            return
        task = asyncio.create_task(self._run(call, arm, exposure, beside))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let those under way end for a moment; what is cut off then stays without an outcome."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSING_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, call: Called, arm: Arm, exposure: Exposure, beside: str) -> None:
        began = time.perf_counter()
        request_id = token_hex(16)
        shadowing = replace(
            exposure,
            request_id=request_id,
            arm=arm.name,
            role="shadow",
            pair=beside,
            assigned_at=datetime.now(UTC),
        )
        try:
            made = call.made(arm, counted=True, shadow=True)
            number, _ = await self._records.expose(shadowing)
        except ServiceError as error:
            log.warning("a shadow call was not made: %s", type(error).__name__)
            return
        EXPOSURES.labels(call.name, arm.name, "shadow").inc()
        trial = Trial(arm, is_counted=True, overhears=beside)
        observer = Observer(_nowhere, trial.heard, began=began, hides_usage=False)
        raised: int | None = None
        try:
            await _call(made, trial, request_id, observer)
        except _NOT_MADE:
            await self._withdraw(number)
            return
        except ServiceError as error:
            raised = error.status
        except Exception:
            log.exception("unexpected error in a shadow call", extra={"request_id": request_id})
            raised = 500
        self._records.end(observer.outcome(number, raised))

    async def _withdraw(self, number: int) -> None:
        try:
            await self._records.withdraw(number)
        except DatabaseUnavailable:
            log.warning("a shadow call that was not made stays on record without an outcome")


async def _call(made: Made, trial: Trial, request_id: str, observer: Observer) -> None:
    exchange = Exchange(request_id, time.perf_counter())
    enter(exchange)
    state = {**made.scope["state"], "exchange": exchange, "trial": trial}
    await made.app({**made.scope, "state": state}, again(made.body, _staying), observer)


async def _staying() -> Message:
    """A caller who never leaves."""
    never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    return await never


async def _nowhere(message: Message) -> None:
    """Where the answer to nobody goes."""
