"""Doing what a plan asks: calls side by side, each with its record, until the last one or Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from gateway_lib.guardrails import prices
from gateway_lib.guardrails.callers import Caller, OverBedrock, OverOpenAI
from gateway_lib.guardrails.outcomes import Answer, leaked_tokens, outcome_of
from gateway_lib.guardrails.planning import Call, Plan, digest
from gateway_lib.guardrails.records import NONE, Check, frame_of
from gateway_lib.guardrails.requests import characters
from gateway_lib.guardrails.suite import Suite
from gateway_lib.runs.run import FOLDER_VARIABLE
from gateway_lib.settings import Settings
from gateway_lib.settings import settings as process_settings

_KINDS: dict[str, Callable[[Settings, Suite], Caller]] = {
    "openai": OverOpenAI,
    "bedrock": OverBedrock,
}
Progress = Callable[[int, int], None]


def run(
    wanted: Plan,
    settings: Settings | None = None,
    *,
    concurrency: int = 8,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Do it, and wait until it is done; also inside a notebook, whose own loop goes on.

    Args:
        wanted: What is asked.
        settings: Of which gateway; those of the process when not given.
        concurrency: Calls under way at the same time.
        progress: Told how many of how many calls have ended; a bar is drawn where it is not given.

    Returns:
        The records of `gateway_lib.guardrails.records`. Ctrl-C ends the run early: what had ended until then
        is there, and `attrs` say `interrupted`.
    """
    from concurrent.futures import ThreadPoolExecutor

    known = settings or process_settings()
    stop = threading.Event()
    with ThreadPoolExecutor(1, "guardrails") as apart, _shown(progress) as told:
        work = apart.submit(asyncio.run, _run(wanted, known, concurrency, told, stop))
        with _stopping(stop):
            return work.result()


@contextmanager
def _shown(progress: Progress | None) -> Iterator[Progress]:
    if progress is not None:
        yield progress
        return
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # without ipywidgets tqdm draws its bar in text, and complains
        from tqdm.auto import tqdm

    hidden = FOLDER_VARIABLE in os.environ  # unattended nobody watches, and the record stays clean
    with tqdm(desc="checking", unit="call", disable=hidden) as bar:

        def told(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield told


async def _run(
    wanted: Plan,
    settings: Settings,
    concurrency: int,
    told: Progress,
    stop: threading.Event,
) -> pd.DataFrame:
    calls = wanted.calls()
    done: list[Check] = []
    started = datetime.now(UTC)
    queue: Iterator[tuple[int, Call]] = iter(enumerate(calls))

    async def work(callers: dict[str, Caller]) -> None:
        for number, call in queue:
            if stop.is_set():
                return
            answer = await callers[call.interface].ask(
                call.case, call.way, call.model, stream=call.streamed
            )
            done.append(check_of(number, call, wanted.suite, answer))
            told(len(done), len(calls))

    async with _callers(wanted, settings) as callers:
        await asyncio.gather(*(work(callers) for _ in range(max(1, concurrency))))
    return frame_of(done, _story(wanted, len(calls), len(done), started))


@asynccontextmanager
async def _callers(wanted: Plan, settings: Settings) -> AsyncIterator[dict[str, Caller]]:
    async with AsyncExitStack() as opened:
        yield {
            name: await opened.enter_async_context(aclosing(_KINDS[name](settings, wanted.suite)))
            for name in wanted.interfaces
        }


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM lets the calls under way end and begins no more; the second raises."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers signals to the main thread alone
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def asked(number: int, frame: Any) -> None:
        stop.set()
        for each, handler in before.items():
            signal.signal(each, handler)

    try:
        for number in before:
            signal.signal(number, asked)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check_of(number: int, call: Call, suite: Suite, answer: Answer) -> Check:
    """The record of a call."""
    case, way = call.case, call.way
    outcome, kind = outcome_of(case, suite, answer)
    units, usd, source = _bill(call, suite, answer)
    return Check(
        call=number,
        case=case.id,
        category=case.category,
        obfuscation=case.obfuscation,
        place=case.place,
        language=case.language,
        severity=case.severity,
        owasp=case.owasp,
        expected=case.expected,
        guardrail=way.name,
        mode=way.mode,
        model=call.model,
        interface=call.interface,
        streamed=call.streamed,
        outcome=outcome,
        status=answer.status,
        error_kind=kind,
        leaked_tokens=leaked_tokens(suite, answer) if outcome == "block" else 0,
        answer_tokens=len(answer.text.split()),
        latency_ms=answer.latency_ms,
        ttft_ms=answer.ttft_ms,
        text_units=units,
        check_usd=usd,
        units_source=source,
        trace="+".join(sorted(answer.policies)) if answer.policies is not None else None,
        warning=answer.headers.get("x-guardrail-warning"),
        request_id=answer.headers.get("x-request-id") or answer.headers.get("x-amzn-requestid"),
    )


def _bill(call: Call, suite: Suite, answer: Answer) -> tuple[int, float, str | None]:
    if call.way.name == NONE:
        return 0, 0.0, None
    if answer.units:
        return (*prices.told(answer.units), "trace")
    asked, said = characters(call.case, suite), len(answer.text)
    parts = {"pre_call": (asked,), "during_call": (asked,), "post_call": (said,)}
    checked = [n for mode in call.way.mode.split("+") for n in parts.get(mode, (asked, said))]
    return (*prices.estimated(suite.policy.policies, *checked), "estimate")


def _story(wanted: Plan, planned: int, made: int, started: datetime) -> dict[str, Any]:
    return {
        "suite": wanted.suite.name,
        "suite_digest": digest(wanted.suite),
        "cases": len(wanted.suite.cases),
        "guardrails": [way.name for way in wanted.ways],
        "left_out": list(wanted.left_out()),
        "interfaces": list(wanted.interfaces),
        "streamed": list(wanted.streamed),
        "seed": wanted.seed,
        "planned": planned,
        "made": made,
        "interrupted": made < planned,
        "started": started.isoformat(),
        "seconds": (datetime.now(UTC) - started).total_seconds(),
    }
