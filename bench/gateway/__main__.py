"""`python -m bench.gateway`: CPU time per request of the whole gateway, beside LiteLLM's defaults.

Without arguments, what is deployed and the middleware before it. `--tried` measures each setting alone as
well, about three minutes each, `--write` puts what was measured last into the documentation.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.gateway import page
from bench.gateway.measure import Row, compared, fronted
from bench.gateway.parts import parts, proxy
from bench.gateway.settings import DEFAULT, DEPLOYED, TRIED
from bench.gateway.variants import Variant
from bench.servers import stop_when_told

ROUNDS, REQUESTS = 3, 150
KEPT = Path(__file__).parents[1] / "results" / "gateway.json"
"""What was measured last of everything, so that the settings can be measured one by one."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--requests", type=int, default=REQUESTS, help="of a round, for each LiteLLM"
    )
    parser.add_argument(
        "--tried",
        nargs="*",
        metavar="PART",
        help="all settings, or those with this in their names, in this order",
    )
    parser.add_argument("--no-front", action="store_true", help="without the middleware")
    parser.add_argument("--no-deployed", action="store_true", help="without what is deployed")
    parser.add_argument("--write", action="store_true", help=f"into {page.PAGE.name}")
    given = parser.parse_args()
    tried = given.tried and [one for part in given.tried for one in TRIED if part in one.name]
    if given.tried == []:
        tried = TRIED
    began, console = time.monotonic(), Console()
    stop_when_told()

    def show(row: Row) -> None:
        _keep(row)
        console.print(page.line(row), highlight=False, markup=False)

    def measured(variants: Sequence[Variant]) -> None:
        with proxy(shared, DEFAULT) as base:
            for variant in variants:
                show(compared(shared, base, variant, given.rounds, given.requests))

    with parts() as shared:
        if variants := [*([] if given.no_deployed else [DEPLOYED]), *(tried or [])]:
            measured(variants)
        if not given.no_front:
            for row in fronted(shared, DEPLOYED, given.rounds, given.requests):
                show(row)
    load = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    console.print(f"{time.monotonic() - began:.0f} s, {load}")
    if given.write:
        page.write(kept())


def kept() -> dict[str, Any]:
    """The rows that were measured last, by their names."""
    found: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    return found


def _keep(row: Row) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    document = {**kept(), row.name: {**asdict(row), "at": at, "load": os.getloadavg()[0]}}
    KEPT.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
