"""Whether the middleware's memory stays flat: after many requests, and after many streams at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.load import CHAT, CONVERSE_STREAM, Load
from bench.servers import Server

GROWTH = 1.05
"""What the resident memory may be after the load, beside what it was after a warm-up of the same kind."""
REQUESTS, WARM = 100_000, 10_000
STREAMS = 1_000
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Subject:
    """A load, and a smaller or equal one before it after which caches, pools and arenas have their size."""

    name: str
    warm: Load
    load: Load

    async def measure(self, server: Server) -> dict[str, Any]:
        """Resident bytes before, at most during and after the load."""
        await self.warm.run(server.url)
        before = server.process.memory_info().rss
        most = await _most(server, lambda: self.load.run(server.url))
        after = server.process.memory_info().rss
        return {
            "subject": self.name,
            "before": before,
            "most": most,
            "after": after,
            "growth": after / before,
            "growth_target": GROWTH,
        }


async def _most(server: Server, work: Callable[[], Awaitable[object]]) -> int:
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, server.process.memory_info().rss)
            await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch())
    try:
        await work()
    finally:
        watching.cancel()
    return most


def measured(server: Server) -> list[dict[str, Any]]:
    """A row for each load, of a middleware that keeps no history."""
    streams = replace(CONVERSE_STREAM, requests=STREAMS, concurrency=STREAMS)
    subjects = [
        Subject(
            f"{REQUESTS:,} requests",
            replace(CHAT, requests=WARM),
            replace(CHAT, requests=REQUESTS, concurrency=8),
        ),
        Subject(f"{STREAMS:,} streams at once", streams, streams),
    ]
    return [asyncio.run(subject.measure(server)) for subject in subjects]


def show(rows: list[dict[str, Any]]) -> None:
    """Print the rows as a table."""
    table = Table(title="Resident memory of the middleware, MiB")
    for heading in ("", "before", "most", "after", "x", "target"):
        table.add_column(heading, justify="right" if heading else "left")
    for row in rows:
        colour = "green" if row["growth"] <= row["growth_target"] else "red"
        sizes = [f"{row[name] / _MIB:.1f}" for name in ("before", "most", "after")]
        grown = f"[{colour}]{row['growth']:.3f}[/]"
        table.add_row(row["subject"], *sizes, grown, f"≤ {row['growth_target']:.2f}")
    Console().print(table)
