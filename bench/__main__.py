"""`python -m bench`: rounds of every subject in turn, the medians as a table and as a JSON file."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import conversations, memory, meters, servers
from bench.load import CHAT, CHAT_STREAM, CONVERSE, CONVERSE_STREAM, Load, continuing
from bench.servers import Server

ROUNDS, WARM_UPS = 25, 3
"""Many short ones: the speed of a virtual machine changes within seconds."""
HISTORY = 0.5
"""Milliseconds of CPU time that the history may add to a call. What that is in calls of the bare
pass-through is shown beside it: on a machine where those cost 0.4 ms and not 0.15, it is a harder bound."""
TURNS = 6
SESSIONS = 100_000
GROWTH = 1.1
"""What a call may cost with so many conversations kept, beside the same call with few."""
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Subject:
    """A server under a load, compared with another subject where there is a target."""

    name: str
    server: Server
    load: Load
    beside: str = ""
    ratio: float | None = None
    """The target of its CPU time as a multiple of the other's."""
    added_ms: float | None = None
    """The target of its CPU time over the other's."""
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
    argparse.ArgumentParser(prog="python -m bench", description=__doc__).parse_args()
    began = time.monotonic()
    servers.stop_when_told()
    with ExitStack() as running:
        start = running.enter_context
        origin = start(servers.origin())
        bare = start(servers.bare(origin.url))
        postgres = start(servers.postgres())

        def middleware(name: str, history: str) -> tuple[Server, str]:
            postgres.ensure_database(name)
            url = postgres.url(name)
            return start(servers.middleware(origin.url, url, history)), url

        plain, _ = middleware("plain", "off")
        kept, _ = middleware("kept", "always")
        long, long_url = middleware("long", "always")
        full, full_url = middleware("full", "always")
        sessions = conversations.begin(long_url, CHAT.requests * (WARM_UPS + ROUNDS), TURNS)
        conversations.begin(full_url, SESSIONS, 1)
        subjects = [
            Subject("bare", bare, CHAT),
            Subject("pass-through", plain, CHAT, "bare", 1.3),
            Subject("Converse", plain, CONVERSE, "bare", 1.6),
            Subject("bare, a chunk", bare, CHAT_STREAM),
            Subject("pass-through, a chunk", plain, CHAT_STREAM, "bare, a chunk", 1.6),
            Subject("ConverseStream, a chunk", plain, CONVERSE_STREAM, "bare, a chunk", 1.6),
            Subject("kept, a new conversation", kept, CHAT, "pass-through", added_ms=HISTORY),
            Subject(
                f"kept, after {TURNS} turns",
                long,
                continuing(sessions),
                "pass-through",
                added_ms=HISTORY,
            ),
            Subject("kept, Converse", kept, CONVERSE, "Converse", added_ms=HISTORY),
            Subject(f"kept, among {SESSIONS:,}", full, CHAT, "kept, a new conversation", GROWTH),
        ]
        asyncio.run(_rounds(subjects))
        held = memory.measured(plain)
    rows = _rows(subjects)
    compared = meters.compared()
    _show(rows, time.monotonic() - began)
    memory.show(held)
    meters.show(compared)
    _keep(rows, held, compared)


async def _rounds(subjects: list[Subject]) -> None:
    for _ in range(WARM_UPS):  # connections, caches and code paths, outside the measurement
        for subject in subjects:
            await subject.load.run(subject.server.url)
    for _ in range(ROUNDS):
        for subject in subjects:
            await subject.measure()


def _rows(subjects: list[Subject]) -> list[dict[str, Any]]:
    by_name = {subject.name: subject for subject in subjects}
    bare = by_name["bare"].cpu_ms
    rows: list[dict[str, Any]] = []
    for subject in subjects:
        row: dict[str, Any] = {
            "subject": subject.name,
            "cpu_ms": statistics.median(subject.cpu_ms),
            "p50_ms": statistics.median(subject.taken_ms),
            "cpu_ms_of_rounds": subject.cpu_ms,
        }
        if subject.beside:
            # compared within each round, so that a slow minute of the machine is in both terms
            pairs = list(zip(subject.cpu_ms, by_name[subject.beside].cpu_ms, strict=True))
            row |= {
                "beside": subject.beside,
                "ratio": statistics.median(a / b for a, b in pairs),
                "ratio_target": subject.ratio,
                "added_ms": statistics.median(a - b for a, b in pairs),
                "added_ms_target": subject.added_ms,
                "added_bare": statistics.median(
                    (a - b) / one for (a, b), one in zip(pairs, bare, strict=True)
                ),
            }
        rows.append(row)
    return rows


def _show(rows: list[dict[str, Any]], seconds: float) -> None:
    table = Table(title=f"CPU time of one process, median of {ROUNDS} rounds")
    for heading in ("", "CPU ms", "beside", "x", "+ ms", "+ x bare", "target", "p50 ms"):
        table.add_column(heading, justify="left" if heading in ("", "beside") else "right")
    for row in rows:
        table.add_row(
            str(row["subject"]),
            f"{row['cpu_ms']:.3f}",
            str(row.get("beside", "")),
            *_verdict(row),
            f"{row['p50_ms']:.2f}",
        )
    console = Console()
    console.print(table)
    console.print(
        f"{seconds:.0f} s, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


def _verdict(row: dict[str, Any]) -> tuple[str, str, str, str]:
    """Ratio, differences and target, the one that has a target in the colour of its outcome."""
    if "beside" not in row:
        return "", "", "", ""
    shown = {"ratio": f"{row['ratio']:.2f}", "added_ms": f"{row['added_ms']:.3f}"}
    bound = ""
    for name, unit in (("ratio", "x"), ("added_ms", "ms")):
        if target := row[f"{name}_target"]:
            colour = "green" if row[name] <= target else "red"
            shown[name] = f"[{colour}]{shown[name]}[/]"
            bound = f"≤ {target:.2g} {unit}"
    return shown["ratio"], shown["added_ms"], f"{row['added_bare']:.2f}", bound


def _keep(
    rows: list[dict[str, Any]], held: list[dict[str, Any]], compared: list[dict[str, Any]]
) -> None:
    now = datetime.now(UTC)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    machine = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
    }
    record = {
        "at": now.isoformat(),
        "rounds": ROUNDS,
        "machine": machine,
        "rows": rows,
        "memory": held,
        "meters": compared,
    }
    path.write_text(json.dumps(record, indent=2) + "\n")
    print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    main()
