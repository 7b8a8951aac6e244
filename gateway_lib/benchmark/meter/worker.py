"""The process that measures one shard of a local run: `python -m gateway_lib.benchmark.meter.worker`.

It reads a job from its standard input, writes how it goes to its standard output, a line of JSON each,
and its table to a file. Before each stage it says that it is ready and waits to be told the start.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from gateway_lib.benchmark.meter.shard import Job, in_a_loop, measure, stop_on_signals
from gateway_lib.benchmark.plan.spec import spec_of
from gateway_lib.benchmark.records import table as records
from gateway_lib.benchmark.records.table import Record
from gateway_lib.errors import GatewayError
from gateway_lib.settings import settings

_TELL_EVERY_S = 0.2


class Told:
    """Steps of a shard whose parent starts the stages of all shards together."""

    def __init__(self) -> None:
        self._done = self._failed = 0
        self._told = 0.0

    async def start_of(self, stage: int) -> float:
        _tell(ready=stage, done=self._done, failed=self._failed)
        line = await asyncio.to_thread(sys.stdin.readline)
        return float(line or time.time())

    def heard(self, record: Record) -> None:
        self._done += 1
        self._failed += not record.ok
        if (now := time.monotonic()) - self._told > _TELL_EVERY_S:
            self._told = now
            _tell(done=self._done, failed=self._failed)


def _tell(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Measure; return the exit status."""
    asked = json.loads(sys.stdin.readline())
    try:
        job = Job(spec_of(asked["spec"]), asked["shard"])
        work = measure(job, settings(), Told(), on_engine=stop_on_signals)
        records.write(in_a_loop(work), Path(asked["out"]))
    except GatewayError as error:
        _tell(error=str(error), kind=type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
