"""Two LiteLLMs under the same load at the same time, and the middleware before one of them."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench.gateway.load import calls
from bench.gateway.parts import Parts, Proxy, front, proxy
from bench.gateway.variants import Variant

WARM_UP = 60
SETTLE_SECONDS = 180.0
"""How long spend may take to reach the database after the last call."""
HISTORIES = ("off", "always")


@dataclass(frozen=True, slots=True)
class Row:
    """What one thing cost beside another.

    Attributes:
        name: of the variant, or of the middleware's setting.
        requests: of each of the two.
        base_ms: CPU time per request of the other, LiteLLM with its database engine.
        cpu_ms: CPU time per request of this one.
        ratio: the one by the other.
        ratios: the same of each round.
    """

    name: str
    requests: int
    base_ms: float
    cpu_ms: float
    ratio: float
    ratios: Sequence[float]


def compared(shared: Parts, base: Proxy, variant: Variant, rounds: int, requests: int) -> Row:
    """Measure a variant beside `base`. Both are loaded at once, so that a slow minute is in both terms.

    The whole counts from the first call until the spend of the last one is in the database: work that is put
    off is not saved. The rounds, for the spread, are without that end.

    Raises:
        SystemExit: a call was refused, or its spend was not booked.
    """
    with proxy(shared, variant) as other:
        both = (base, other)
        _load(shared, both, WARM_UP)
        first = before = _used(both)
        ratios: list[float] = []
        for number in range(rounds):
            last = number == rounds - 1
            _load(shared, both, requests, settle=last and _books(variant))
            after = _used(both)
            ratios.append((after[1] - before[1]) / (after[0] - before[0]))
            before = after
    spent = [1000 * (b - a) / (rounds * requests) for a, b in zip(first, before, strict=True)]
    return Row(variant.name, rounds * requests, spent[0], spent[1], spent[1] / spent[0], ratios)


def fronted(shared: Parts, variant: Variant, rounds: int, requests: int) -> list[Row]:
    """What the middleware uses beside the LiteLLM behind it, in the same seconds; a row for each history."""
    with ExitStack() as running:
        behind = running.enter_context(proxy(shared, variant))
        fronts = [running.enter_context(front(shared, behind, history)) for history in HISTORIES]
        used: list[list[tuple[float, float]]] = [[] for _ in HISTORIES]
        for number in range(rounds + 1):
            for one, taken in zip(fronts, used, strict=True):
                start = behind.cpu_seconds(), one.cpu_seconds()
                asyncio.run(calls(one.url, behind.key, requests if number else WARM_UP))
                end = behind.cpu_seconds(), one.cpu_seconds()
                if number:  # the first only warms up
                    taken.append((end[0] - start[0], end[1] - start[1]))
    rows = []
    for history, taken in zip(HISTORIES, used, strict=True):
        base, own = (1000 * statistics.fmean(part) / requests for part in zip(*taken, strict=True))
        ratios = [own / base for base, own in taken]
        rows.append(Row(history, rounds * requests, base, own, own / base, ratios))
    return rows


def _load(shared: Parts, both: Sequence[Proxy], requests: int, *, settle: bool = False) -> None:
    async def run() -> None:
        await asyncio.gather(*(calls(one.url, one.key, requests) for one in both))

    asyncio.run(run())
    for one in both:
        one.sent += requests
    if settle:
        _settled(shared, both)


def _settled(shared: Parts, both: Sequence[Proxy]) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while any(one.booked(shared.postgres) < one.sent for one in both):
        if time.monotonic() > deadline:
            raise SystemExit("bench: the spend of calls that were answered is not in the database")
        time.sleep(0.5)


def _used(both: Sequence[Proxy]) -> list[float]:
    return [one.cpu_seconds() for one in both]


def _books(variant: Variant) -> bool:
    return not variant.configuration({}).get("general_settings", {}).get("disable_spend_logs")
