"""What a meter itself costs: CPU per request of ours, of AIPerf and of a loop over the OpenAI SDK.

Each sends the same requests at the same moments to the same simulator. Starting up is left out by
difference: every meter runs with few requests and with many, and what the additional ones took is divided
by their number. A meter that costs much measures itself on a busy machine, and less load per core.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from bench.servers import Server, served
from gateway_lib.benchmark import run, spec_of
from gateway_lib.benchmark.meter import aiperf
from gateway_lib.benchmark.plan.spec import Spec
from gateway_lib.errors import MeterMissing
from gateway_lib.settings import Settings, settings_of

MODEL = "gpt-4o-mini"
TTFT_MS, ITL_MS, TOKENS = 40, 5, 32
RATE_RPS = 50
FEW, MANY = 50, 450
ROUNDS = 3

Measure = Callable[[Spec, Settings], float]
"""Sends what a spec says; returns the median time to first token in milliseconds."""


@dataclass(slots=True)
class Meter:
    """A meter and what its rounds took: CPU milliseconds per request, TTFT p50 in milliseconds."""

    name: str
    measure: Measure
    cpu_ms: list[float] = field(default_factory=list)
    ttft_ms: list[float] = field(default_factory=list)

    def round(self, settings: Settings) -> None:
        few, _ = _cost(self.measure, FEW, settings)
        many, ttft = _cost(self.measure, MANY, settings)
        self.cpu_ms.append((many - few) / (MANY - FEW) * 1000)
        self.ttft_ms.append(ttft)


def _cost(measure: Measure, requests: int, settings: Settings) -> tuple[float, float]:
    """CPU seconds of the processes that were started, and the median that they measured."""
    spec = spec_of(
        {
            "models": [MODEL],
            "target": "provider",
            "prompts": {"words": 20},
            "max_tokens": TOKENS,
            "load": {"kind": "poisson", "rate_rps": RATE_RPS, "requests": requests},
            "keep_answers": False,
        }
    )
    before = _children()
    ttft = measure(spec, settings)
    return _children() - before, ttft


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _ours(spec: Spec, settings: Settings) -> float:
    return float(run(spec, settings)["ttft_ms"].median())


def _aiperf(spec: Spec, settings: Settings) -> float:
    return float(aiperf.measure(spec, settings)["ttft_ms"].median())


def _sdk(spec: Spec, settings: Settings) -> float:
    command = [sys.executable, "-m", "bench.sdk_loop", settings.gateway(), spec.model_dump_json()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["ttft_p50_ms"])


def compared() -> list[dict[str, Any]]:
    """Measure the meters in turn, round by round; a row for each."""
    meters = [Meter("ours", _ours), Meter("OpenAI SDK loop", _sdk), Meter("AIPerf", _aiperf)]
    try:
        aiperf.found()
    except MeterMissing as missing:
        Console().print(str(missing), style="yellow", markup=False)
        meters.pop()
    with _simulator() as server:
        known = {"GATEWAY_BASE_URL": f"{server.url}/openai", "GATEWAY_API_KEY": "k"}
        for _ in range(ROUNDS):
            for meter in meters:
                meter.round(settings_of(known))
    return [
        {
            "subject": meter.name,
            "cpu_ms": statistics.median(meter.cpu_ms),
            "ttft_p50_ms": statistics.median(meter.ttft_ms),
            "cpu_ms_of_rounds": meter.cpu_ms,
        }
        for meter in meters
    ]


@contextmanager
def _simulator() -> Iterator[Server]:
    with served(["-m", "gateway_lib.simulator", "--port"], {}, "/livez") as server:
        profile = {
            "ttft_ms": {"constant": TTFT_MS},
            "itl_ms": {"constant": ITL_MS},
            "output_tokens": {"constant": TOKENS},
        }
        httpx.put(f"{server.url}/control/profiles/{MODEL}", json=profile).raise_for_status()
        yield server


def show(rows: list[dict[str, Any]]) -> None:
    """Print the rows as a table."""
    ours = rows[0]["cpu_ms"]
    what = f"{RATE_RPS}/s, streams of {TOKENS} tokens, first after {TTFT_MS} ms"
    table = Table(title=f"CPU time of the meter, median of {ROUNDS} rounds: {what}")
    for heading in ("", "CPU ms per request", "x ours", "TTFT p50 it saw, ms"):
        table.add_column(heading, justify="right" if heading else "left")
    for row in rows:
        ratio = f"{row['cpu_ms'] / ours:.1f}" if ours > 0 else "-"
        table.add_row(row["subject"], f"{row['cpu_ms']:.2f}", ratio, f"{row['ttft_p50_ms']:.1f}")
    Console().print(table)
