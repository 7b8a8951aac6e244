"""The meter's own health, and whether its figures can be trusted.

A client that is short of CPU sends late and reads late. Its numbers then describe the client, and look
like a slow server. So the meter watches itself: how late it sent, how late its event loop ran a timer,
how much CPU it used, and how long it waited for one.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np
import psutil

from gateway_lib.benchmark.plan.spec import Limits
from gateway_lib.benchmark.records.story import Health

_EVERY_S = 0.02
_SCHEDSTAT = Path("/proc/self/schedstat")
_LEAST = {"lag_p95_ms": 20, "lag_p99_ms": 100, "loop_lag_p95_ms": 20}
"""Samples below which a percentile is but the maximum, and one late moment would condemn a run."""


class Watch:
    """Watches the process over one stage; `async with Watch() as watch: ...`."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._sampler: asyncio.Task[None] | None = None
        self._began = self._now()
        self._ended = self._began

    async def __aenter__(self) -> Self:
        psutil.cpu_percent()
        self._began = self._now()
        self._sampler = asyncio.create_task(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ended = self._now()
        if self._sampler is not None:
            self._sampler.cancel()
            with suppress(asyncio.CancelledError):
                await self._sampler

    async def _sample(self) -> None:
        while True:
            due = time.perf_counter() + _EVERY_S
            await asyncio.sleep(_EVERY_S)
            # a timer may be a millisecond late by the resolution of the loop alone
            self._late.append(max(0.0, time.perf_counter() - due - 0.001) * 1000)

    def _now(self) -> tuple[float, float, float | None]:
        """Time, CPU time of the process, and time its main thread waited for a CPU; seconds."""
        waited = None
        with suppress(OSError, ValueError, IndexError):
            waited = int(_SCHEDSTAT.read_text().split()[1]) / 1e9
        return time.perf_counter(), time.process_time(), waited

    def health(
        self, shard: int, stage: int, late_ms: np.ndarray, limits: Limits, ttft_ms: float
    ) -> Health:
        """What the watch saw, judged.

        Args:
            shard: Which process.
            stage: Which step.
            late_ms: How late the engine came to each request that was due; empty in a closed
                loop, where nothing is: then the event loop and the CPU alone count.
            limits: What the meter may suffer.
            ttft_ms: The median that was measured.
        """
        seconds = self._ended[0] - self._began[0]
        waits = (self._began[2], self._ended[2])
        waited = None if None in waits else (waits[1] or 0.0) - (waits[0] or 0.0)
        late = np.array(self._late or [0.0])
        lags = late_ms if len(late_ms) else np.zeros(1)
        p50, p95, p99 = (float(value) for value in np.percentile(lags, (50, 95, 99)))
        seen = {
            "lag_p50_ms": p50,
            "lag_p95_ms": p95,
            "lag_p99_ms": p99,
            "loop_lag_p95_ms": float(np.percentile(late, 95)),
            "cpu_share": (self._ended[1] - self._began[1]) / seconds,
            "cpu_wait_share": None if waited is None else waited / seconds,
        }
        samples = {"lag": len(lags), "loop": len(late)}
        reasons = judged(seen, limits, samples, ttft_ms)
        return Health(
            shard=shard,
            stage=stage,
            seconds=seconds,
            lag_max_ms=float(lags.max()),
            loop_lag_p99_ms=float(np.percentile(late, 99)),
            loop_lag_max_ms=float(late.max()),
            machine_share=psutil.cpu_percent() / 100,
            load=os.getloadavg()[0],
            valid=not reasons,
            reasons=reasons,
            **seen,
        )


_SAID = {
    "lag_p50_ms": "half of the requests were sent more than {seen:.1f} ms late (limit {limit:.3g})",
    "lag_p95_ms": "one request in 20 was sent more than {seen:.1f} ms late (limit {limit:.3g})",
    "lag_p99_ms": "one request in 100 was sent more than {seen:.1f} ms late (limit {limit:.3g})",
    "loop_lag_p95_ms": "the event loop was {seen:.1f} ms late one time in 20 (limit {limit:.3g})",
    "cpu_share": "the meter used {seen:.0%} of a CPU (limit {limit:.0%})",
    "cpu_wait_share": "the meter waited for a CPU {seen:.0%} of the time (limit {limit:.0%})",
}


def judged(
    seen: Mapping[str, float | None], limits: Limits, samples: Mapping[str, int], ttft_ms: float
) -> tuple[str, ...]:
    """Why a meter cannot be trusted, each reason in a sentence; none if it can.

    Args:
        seen: Figures named as in `Limits`; null where one is not known.
        limits: What the meter may suffer.
        samples: How many values are behind the figures of `lag` and of `loop`.
        ttft_ms: The median that was measured.
    """
    reasons = []
    scale = max(1.0, ttft_ms / limits.for_ttft_ms)
    for name, said in _SAID.items():
        value, limit = seen.get(name), getattr(limits, name)
        if name.startswith("lag"):
            limit *= scale
        enough = samples.get(name.partition("_")[0], 0) >= _LEAST.get(name, 0)
        if value is not None and value > limit and enough:
            reasons.append(said.format(seen=value, limit=limit))
    return tuple(reasons)
