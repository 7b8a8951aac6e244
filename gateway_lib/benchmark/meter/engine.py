"""The engine: sends the requests of a plan when they are due, and keeps the records.

It runs in a process of its own with nothing else on its event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gateway_lib.benchmark.meter.caller import Caller
from gateway_lib.benchmark.meter.clock import Clock
from gateway_lib.benchmark.meter.health import Watch
from gateway_lib.benchmark.meter.session import Session
from gateway_lib.benchmark.meter.wires import Wire
from gateway_lib.benchmark.plan.schedule import Plan, Planned
from gateway_lib.benchmark.plan.spec import Spec
from gateway_lib.benchmark.records.story import Health, Warmup
from gateway_lib.benchmark.records.table import Record

Keep = Callable[[Planned, Record], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage brought: its records, those of the settling requests, the meter's health."""

    records: list[Record]
    settling: list[Record]
    health: Health


class Engine:
    """Sends requests as one shard of a run."""

    def __init__(self, spec: Spec, wire: Wire, session: Session, *, shard: int = 0) -> None:
        """Prepare to send what `spec` says over `session`, as shard `shard`."""
        self._spec = spec
        self._wire = wire
        self._shard = shard
        self._clock: Clock | None = None
        self._stopping = asyncio.Event()
        self._late: list[float] = []
        self.caller = Caller(spec, wire, session)

    def stop(self) -> None:
        """Send nothing more and give up what is under way; the stage then ends."""
        self._stopping.set()
        if self._clock:
            self._clock.stop()

    @property
    def stopped(self) -> bool:
        return self._stopping.is_set()

    async def warm_up(self) -> Warmup:
        """Call each model a few times, one after the other: connections, caches, code paths."""
        prompt = self._spec.prompts.load(self._spec.seed)[0]
        records: list[Record] = []
        for model in self._spec.models * self._spec.warmups:
            if not self.stopped:
                records.append(_blank(-1, model, self._spec))
                await self.caller.call(records[-1], self._wire.request(model, prompt))
        return told_of(records)

    async def run(
        self, plan: Plan, start: float, heard: Callable[[Record], None] | None = None
    ) -> Outcome:
        """Run one stage.

        Args:
            plan: Its requests.
            start: When it starts, in seconds since the origin.
            heard: Told of each record when it is done.
        """
        recorded: list[Record] = []
        settling: list[Record] = []

        def keep(planned: Planned, record: Record) -> None:
            (recorded if planned.recorded else settling).append(record)
            if planned.recorded and heard is not None:
                heard(record)

        self._late = []
        await asyncio.sleep(max(0.0, start - self.caller.now()))
        async with Watch() as watch:
            await (self._closed(plan, keep) if plan.users else self._open(plan, start, keep))
        late_ms = np.array(self._late) * 1000
        came = [r.first_token_s - r.scheduled_s for r in recorded if r.first_token_s is not None]
        ttft_ms = float(np.median(came)) * 1000 if came else 0.0
        health = watch.health(self._shard, plan.stage, late_ms, self._spec.limits, ttft_ms)
        return Outcome(recorded, settling, health)

    async def _open(self, plan: Plan, start: float, keep: Keep) -> None:
        under_way: set[asyncio.Task[None]] = set()
        moments = [start + (planned.due_s or 0.0) for planned in plan.requests]
        requests = [self._wire.request(p.model, p.prompt) for p in plan.requests]

        async def one(index: int) -> None:
            planned = plan.requests[index]
            # waiting for one of few connections, later on, is no fault of the meter
            self._late.append(self.caller.now() - moments[index])
            record = self._record(plan, planned, moments[index])
            await self.caller.call(record, requests[index])
            keep(planned, record)

        def fire(index: int) -> None:
            under_way.add(asyncio.create_task(one(index)))

        self._clock = Clock([self.caller.zero + moment for moment in moments], fire)
        await self._clock.run()
        await self._end(under_way)

    async def _closed(self, plan: Plan, keep: Keep) -> None:
        waiting = iter(plan.requests)
        await self._end(
            {asyncio.create_task(self._user(plan, number, waiting, keep)) for number in plan.users}
        )

    async def _user(self, plan: Plan, number: int, waiting: Iterator[Planned], keep: Keep) -> None:
        session_id, turn = None, 1
        for planned, think in zip(waiting, plan.thinking(number), strict=False):
            due = self.caller.now() + think
            if think:
                await asyncio.sleep(think)
            if self.stopped:
                return
            record = self._record(plan, planned, due)
            if self._spec.history:
                record.turn = turn
            request = self._wire.request(planned.model, planned.prompt, session_id)
            await self.caller.call(record, request)
            keep(planned, record)
            # after a failure the conversation is not known to have this turn: a new one begins
            goes_on = record.ok and turn < self._spec.turns
            session_id, turn = (record.session_id, turn + 1) if goes_on else (None, 1)

    async def _end(self, tasks: set[asyncio.Task[None]]) -> None:
        """Wait for the tasks, or for the order to stop, and then cancel them."""
        stopping = asyncio.create_task(self._stopping.wait())
        ending = asyncio.gather(*tasks)
        await asyncio.wait((stopping, ending), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if ending.done():
            ending.result()
            return
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _record(self, plan: Plan, planned: Planned, due: float) -> Record:
        record = _blank(planned.request, planned.model, self._spec)
        record.shard, record.stage = self._shard, plan.stage
        record.rate_rps, record.users = plan.rate_rps, plan.all_users
        record.question, record.category = planned.prompt.id, planned.prompt.category
        record.repeat, record.scheduled_s = planned.repeat, due
        record.turn = 1 if self._spec.history else None
        return record


def _blank(request: int, model: str, spec: Spec) -> Record:
    return Record(
        request=request,
        model=model,
        interface=spec.interface,
        streamed=spec.stream,
        history=spec.history,
        question="",
        scheduled_s=0.0,
        sent_s=0.0,
    )


def told_of(records: list[Record]) -> Warmup:
    """What is kept of requests that are no records."""
    return Warmup(
        requests=len(records),
        errors=sum(not record.ok for record in records),
        cost_usd=sum(record.cost_usd or 0.0 for record in records),
    )
