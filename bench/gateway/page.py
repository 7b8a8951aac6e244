"""What was measured of the whole gateway, as lines for people and as a table in the documentation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.gateway.measure import HISTORIES, Row
from bench.gateway.settings import DEPLOYED, TRIED

PAGE = Path(__file__).parents[2] / "docs" / "speed.md"
BEGIN, END = "<!-- gateway: begin -->", "<!-- gateway: end -->"
GOAL = 0.67
ADDED = {"off": 0.03, "always": 0.10}


def line(row: Row) -> str:
    """One row in words."""
    low, high = min(row.ratios), max(row.ratios)
    return (
        f"{row.name}: {row.cpu_ms:.2f} ms of CPU per request beside {row.base_ms:.2f} ms, "
        f"{row.ratio:.3f} ({low:.3f} to {high:.3f}), {row.requests} requests"
    )


def table(kept: Mapping[str, Mapping[str, Any]]) -> str:
    """The tables as Markdown, of what was measured."""
    rows = kept.values()
    days = sorted({str(row["at"])[:10] for row in rows})
    few, many = (pick(int(row["requests"]) for row in rows) for pick in (min, max))
    calls = str(few) if few == many else f"{few} to {many}"
    quiet, busy = (pick(row["load"] for row in rows) for pick in (min, max))
    lines = [
        f"Measured on {' and '.join(days)}, {calls} calls for each number, on {os.cpu_count()} cores "
        f"with a load average of {quiet:.0f} to {busy:.0f}.",
        "",
        "| setting | CPU per request, LiteLLM's defaults = 1 | rounds | |",
        "| :-- | --: | --: | :-- |",
    ]
    for variant in (*TRIED, DEPLOYED):
        if variant.name not in kept:
            continue
        row = kept[variant.name]
        outcome = variant.verdict or ("goal met" if row["ratio"] <= GOAL else f"goal {GOAL} missed")
        lines.append(f"| {variant.name} | {row['ratio']:.2f} | {_spread(row, 2)} | {outcome} |")
    lines += [
        "",
        "| middleware in front | CPU it adds | rounds | goal |",
        "| :-- | --: | --: | :-- |",
    ]
    for history in HISTORIES:
        if history in kept:
            row, goal = kept[history], ADDED[history]
            met = "met" if row["ratio"] <= goal else "missed"
            lines.append(
                f"| history `{history}` | {100 * row['ratio']:.1f} % | {_percent(row)} "
                f"| at most {100 * goal:.0f} %: {met} |"
            )
    return "\n".join(lines)


def write(kept: Mapping[str, Mapping[str, Any]]) -> None:
    """Put the tables into the page, between its markers."""
    before, rest = PAGE.read_text().split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{table(kept)}\n{END}{after}")


def _spread(row: Mapping[str, Any], digits: int) -> str:
    return f"{min(row['ratios']):.{digits}f} to {max(row['ratios']):.{digits}f}"


def _percent(row: Mapping[str, Any]) -> str:
    return f"{100 * min(row['ratios']):.1f} to {100 * max(row['ratios']):.1f} %"
