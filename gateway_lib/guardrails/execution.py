"""A run: every case of a suite, guarded in every way, over every interface, streamed and not.

The calls go out in an order that the seed draws, so that no way of guarding has the quiet minutes for
itself. Harmless cases are also sent without any guardrail, to see what a check adds to the time.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pandas as pd

from gateway_lib import clients
from gateway_lib.errors import GuardrailError
from gateway_lib.guardrails import prices
from gateway_lib.guardrails.callers import Caller, OverBedrock, OverOpenAI
from gateway_lib.guardrails.outcomes import Answer, leaked_tokens, outcome_of
from gateway_lib.guardrails.records import NONE, Check, frame_of
from gateway_lib.guardrails.requests import characters
from gateway_lib.guardrails.suite import Case, Suite
from gateway_lib.guardrails.ways import UNGUARDED, Way, ways_of
from gateway_lib.runs.run import FOLDER_VARIABLE
from gateway_lib.settings import Settings
from gateway_lib.settings import settings as process_settings

Interface = Literal["openai", "bedrock"]
BOTH: tuple[Interface, ...] = ("openai", "bedrock")
_KINDS: dict[str, Callable[[Settings, Suite], OverOpenAI | OverBedrock]] = {
    "openai": OverOpenAI,
    "bedrock": OverBedrock,
}
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Call:
    """One call that is to be made."""

    case: Case
    way: Way
    model: str
    interface: str
    streamed: bool


@dataclass(frozen=True)
class Plan:
    """What a run asks.

    Attributes:
        suite: The cases.
        ways: How they are guarded.
        model: Model for guardrails that are named; one that not Bedrock alone serves, or a Converse request
            hands the guardrail on to Bedrock.
        bedrock_model: Model for guardrailConfig; one of Bedrock's.
        interfaces: Over which.
        streamed: Streamed, not streamed, or both.
        seed: Of the order.
    """

    suite: Suite
    ways: tuple[Way, ...]
    model: str
    bedrock_model: str
    interfaces: tuple[str, ...] = BOTH
    streamed: tuple[bool, ...] = (False, True)
    seed: int = 0

    def calls(self) -> list[Call]:
        """All calls in the order in which they are made."""
        found = [
            Call(case, way, model, interface, streamed)
            for interface in self.interfaces
            for streamed in self.streamed
            for way in self.ways
            if interface == "openai" or way.in_converse
            for model in (self._model(way),)
            for case in self.suite.cases
        ]
        unguarded = {(call.model, call.interface, call.streamed) for call in found}
        found += [
            Call(case, UNGUARDED, *rest)
            for rest in sorted(unguarded)
            for case in self.suite.cases
            if case.expected == "allow"
        ]
        random.Random(self.seed).shuffle(found)  # noqa: S311
        return found

    def left_out(self) -> tuple[str, ...]:
        """Guardrails that a Converse request cannot ask for, by name."""
        asked = "bedrock" in self.interfaces
        return tuple(way.name for way in self.ways if asked and not way.in_converse)

    def _model(self, way: Way) -> str:
        return self.bedrock_model if way.is_config else self.model


def plan(
    suite: Suite,
    guardrails: Sequence[str],
    *,
    model: str = "gpt-4o-mini",
    bedrock_model: str = "amazon.nova-lite-v1:0",
    interfaces: Sequence[str] = BOTH,
    streamed: Sequence[bool] = (False, True),
    seed: int = 0,
    settings: Settings | None = None,
) -> Plan:
    """A plan for guardrails by their names, see `ways.ways_of`, and `Plan` for the rest.

    Raises:
        UnknownGuardrail: The gateway has none of that name.
        GatewayUnreachable: It does not say which it has.
        GuardrailError: There is nothing to ask, or an interface that does not exist.
    """
    strange = [name for name in interfaces if name not in _KINDS]
    if strange or not interfaces or not streamed:
        told = f"no interface {strange[0]!r}: openai and bedrock" if strange else "nothing to ask"
        raise GuardrailError(told)
    known = settings or process_settings()
    make = clients.admin_client if known.master_key else clients.gateway_client
    with make(known) as client:
        ways = ways_of(guardrails, client)
    return Plan(suite, ways, model, bedrock_model, tuple(interfaces), tuple(streamed), seed)


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
            name: await opened.enter_async_context(_KINDS[name](settings, wanted.suite))
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


def digest(suite: Suite) -> str:
    """Tells one set of cases from another, without holding their texts."""
    return hashlib.blake2b(suite.model_dump_json().encode(), digest_size=8).hexdigest()
