"""`python -m bench`: rounds of every subject in turn, the medians as a table and as a JSON file."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import statistics
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import servers
from bench.load import CHAT, CHAT_STREAM, CONVERSE, CONVERSE_STREAM, Load
from bench.servers import Server

ROUNDS = 5
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Subject:
    """A server under a load, compared with another subject where it has a target."""

    name: str
    server: Server
    load: Load
    bare: str = ""
    target: float | None = None
    cpu_ms: list[float] = field(default_factory=list)
    """Per unit, one for each round."""
    taken_ms: list[float] = field(default_factory=list)

    async def measure(self) -> None:
        before = self.server.cpu_seconds()
        taken = await self.load.run(self.server.url)
        used = self.server.cpu_seconds() - before
        self.cpu_ms.append(1000 * used / (self.load.requests * self.load.units))
        self.taken_ms.extend(1000 * seconds for seconds in taken)


def main() -> None:
    began = time.monotonic()
    with (
        servers.origin() as origin,
        servers.bare(origin.url) as bare,
        servers.middleware(origin.url) as middleware,
    ):
        subjects = [
            Subject("bare", bare, CHAT),
            Subject("pass-through", middleware, CHAT, "bare", 1.3),
            Subject("Converse", middleware, CONVERSE, "bare", 1.6),
            Subject("bare, a chunk", bare, CHAT_STREAM),
            Subject("pass-through, a chunk", middleware, CHAT_STREAM, "bare, a chunk", 1.6),
            Subject("ConverseStream, a chunk", middleware, CONVERSE_STREAM, "bare, a chunk", 1.6),
        ]
        asyncio.run(_rounds(subjects))
    rows = _rows(subjects)
    _show(rows, time.monotonic() - began)
    _keep(rows)


async def _rounds(subjects: list[Subject]) -> None:
    for subject in subjects:  # connections, caches and code paths warm up outside the measurement
        await subject.load.run(subject.server.url)
    for _ in range(ROUNDS):
        for subject in subjects:
            await subject.measure()


def _rows(subjects: list[Subject]) -> list[dict[str, object]]:
    by_name = {subject.name: subject for subject in subjects}
    rows: list[dict[str, object]] = []
    for subject in subjects:
        row: dict[str, object] = {
            "subject": subject.name,
            "cpu_ms": statistics.median(subject.cpu_ms),
            "p50_ms": statistics.median(subject.taken_ms),
            "cpu_ms_of_rounds": subject.cpu_ms,
        }
        if subject.bare:
            # the ratio within each round, so that a slow minute of the machine is in both its terms
            pairs = zip(subject.cpu_ms, by_name[subject.bare].cpu_ms, strict=True)
            row |= {"ratio": statistics.median(a / b for a, b in pairs), "target": subject.target}
        rows.append(row)
    return rows


def _show(rows: list[dict[str, object]], seconds: float) -> None:
    table = Table(title=f"CPU time of one process, median of {ROUNDS} rounds")
    for heading in ("", "CPU ms", "x bare", "target", "p50 ms"):
        table.add_column(heading, justify="right" if heading else "left")
    for row in rows:
        ratio, target = row.get("ratio"), row.get("target")
        shown = ""
        if isinstance(ratio, float) and isinstance(target, float):
            shown = f"[{'green' if ratio <= target else 'red'}]{ratio:.2f}[/]"
        cells = (
            f"{row['cpu_ms']:.3f}",
            shown,
            f"≤ {target}" if target else "",
            f"{row['p50_ms']:.2f}",
        )
        table.add_row(str(row["subject"]), *cells)
    console = Console()
    console.print(table)
    console.print(
        f"{seconds:.0f} s, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


def _keep(rows: list[dict[str, object]]) -> None:
    now = datetime.now(UTC)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    machine = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
    }
    record = {"at": now.isoformat(), "rounds": ROUNDS, "machine": machine, "rows": rows}
    path.write_text(json.dumps(record, indent=2) + "\n")
    print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    main()
