"""One shard of a run, measured in this process: the stages one after the other, a table at the end."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import pandas as pd

from gateway_lib.benchmark.meter.engine import Engine, Outcome, told_of
from gateway_lib.benchmark.meter.session import connected
from gateway_lib.benchmark.meter.wires import wire_of
from gateway_lib.benchmark.plan.schedule import Plan, plans
from gateway_lib.benchmark.plan.spec import Spec
from gateway_lib.benchmark.records.story import About, Stage, Warmup, attrs
from gateway_lib.benchmark.records.table import Record, frame_of
from gateway_lib.clients import verification_of
from gateway_lib.settings import Settings

LEAD_S = 0.25
"""Between the decision to start a stage and its start: time to make its requests."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a shard has to know: which part of what.

    Moments count from `origin`, in seconds since 1970, or from the start of the first stage, where one
    who starts all shards says it.
    """

    spec: Spec
    shard: int
    origin: float | None = None


class Steps(Protocol):
    """Who tells a shard when to start a stage, and hears how it goes."""

    async def start_of(self, stage: int) -> float:
        """When a stage starts, in seconds since 1970."""

    def heard(self, record: Record) -> None:
        """A record is done."""


class Alone:
    """A shard that waits for nobody.

    Shards on several machines start together at the origin, and a later stage when the one before has
    ended and its pause is over, each for itself.
    """

    def __init__(self, job: Job) -> None:
        self._job = job

    async def start_of(self, stage: int) -> float:
        pause = self._job.spec.pause_s if stage else 0.0
        return max(time.time() + LEAD_S + pause, self._job.origin or 0.0)

    def heard(self, record: Record) -> None:
        return None


async def measure(
    job: Job,
    settings: Settings,
    steps: Steps,
    *,
    on_engine: Callable[[Engine], None] | None = None,
) -> pd.DataFrame:
    """Measure one shard.

    Args:
        job: Which.
        settings: Where the gateway is, and the key.
        steps: When stages start.
        on_engine: Is given the engine, to stop it.

    Returns:
        The table of its records, with their story; what was measured until then if it was stopped.

    Raises:
        SpecError: Prompts or a schedule cannot be read.
        SettingsError: No gateway or no key is known.
    """
    base_url, key = settings.gateway(), settings.user_key()
    todo = plans(job.spec, job.shard)
    done: list[Outcome] = []
    origin = job.origin
    async with connected(base_url, verification_of(settings)) as session:
        wire = wire_of(job.spec, base_url, key)
        engine = Engine(job.spec, wire, session, shard=job.shard)
        if on_engine is not None:
            on_engine(engine)
        warmup = await engine.warm_up()
        # what exists now lives to the end: collecting it again and again would be pauses
        gc.collect()
        gc.freeze()
        try:
            for plan in todo:
                start = await steps.start_of(plan.stage)
                if origin is None or plan.stage == 0:
                    origin = start if origin is None else origin
                    engine.caller.count_from(origin)
                if engine.stopped:
                    break
                done.append(await engine.run(plan, start - origin, steps.heard))
        finally:
            gc.unfreeze()
    records = [record for outcome in done for record in outcome.records]
    story = _story(
        job.spec,
        shard=job.shard,
        target=base_url,
        origin=datetime.fromtimestamp(origin or time.time(), UTC),
        todo=todo,
        done=done,
        warmup=warmup,
        interrupted=engine.stopped,
    )
    return frame_of(records, attrs(story))


def _story(
    spec: Spec,
    *,
    shard: int,
    todo: list[Plan],
    done: list[Outcome],
    warmup: Warmup,
    **known: Any,
) -> About:
    settled = told_of([record for outcome in done for record in outcome.settling])
    return About(
        spec=spec.model_dump(mode="json"),
        seed=spec.seed,
        shards=spec.shards,
        parts=(shard,),
        stages=tuple(
            _stage(spec, plan, done[plan.stage].records if plan.stage < len(done) else [])
            for plan in todo
        ),
        health=tuple(outcome.health for outcome in done),
        warmup=Warmup(
            requests=warmup.requests + settled.requests,
            errors=warmup.errors + settled.errors,
            cost_usd=warmup.cost_usd + settled.cost_usd,
        ),
        **known,
    )


def _stage(spec: Spec, plan: Plan, records: list[Record]) -> Stage:
    seconds = 0.0
    if records:
        began = min(record.scheduled_s for record in records)
        seconds = max(record.done_s for record in records) - began
    return Stage(
        number=plan.stage,
        rate_rps=plan.rate_rps,
        users=spec.load[plan.stage].users,
        requested=plan.recorded,
        achieved=len(records),
        seconds=seconds,
    )


def in_a_loop(main: Coroutine[Any, Any, pd.DataFrame]) -> pd.DataFrame:
    """Run in the fastest event loop there is."""
    import uvloop

    return uvloop.run(main)


def stop_on_signals(engine: Engine) -> None:
    """Let SIGINT and SIGTERM end the run early, and keep what was measured."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, engine.stop)
