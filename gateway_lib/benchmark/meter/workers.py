"""A run on this machine: as many processes as there are shards, and their tables put together.

The meter never runs in the process that asks for it: a notebook's kernel has other things on its event
loop, and every one of them would be latency.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gateway_lib.benchmark.costs.prices import fill_costs
from gateway_lib.benchmark.meter.shard import LEAD_S
from gateway_lib.benchmark.meter.shards import merge_files
from gateway_lib.benchmark.plan.spec import Spec
from gateway_lib.benchmark.records.story import about
from gateway_lib.errors import BenchmarkError, BenchmarkInterrupted, GatewayUnreachable
from gateway_lib.settings import Settings, process_environment
from gateway_lib.settings import settings as process_settings

STOP_S = 10.0
"""How long a shard may take to write what it has when it is told to stop."""

Progress = Callable[["State"], None]


@dataclass(frozen=True, slots=True)
class State:
    """How a run goes: requests done and failed of those asked for, in which stage of how many."""

    done: int
    failed: int
    requested: int
    stage: int
    stages: int


def run(
    spec: Spec, settings: Settings | None = None, progress: Progress | None = None
) -> pd.DataFrame:
    """Measure what a spec says.

    Args:
        spec: What.
        settings: Where the gateway is, and the key; those of the process when not given.
        progress: Told several times a second how it goes.

    Returns:
        One row per request (`gateway_lib.benchmark.records.columns`), errors included, with the story in its
        attributes. Interrupted by Ctrl-C it returns what was measured until then, and says so there.

    Raises:
        SpecError: Prompts or a schedule cannot be read.
        SettingsError: No gateway or no key is known.
        GatewayUnreachable: Not one request succeeded, the warm-up included.
        BenchmarkInterrupted: Nothing was measured before the interruption.
    """
    known = settings or process_settings()
    known.gateway(), known.user_key()
    with tempfile.TemporaryDirectory(prefix="gateway-benchmark-") as folder:
        workers = _Workers(spec, known, Path(folder), progress)
        try:
            workers.run()
        finally:
            workers.end()
        frame = merge_files(workers.files)
    if not len(frame):
        if about(frame).interrupted:
            raise BenchmarkInterrupted("interrupted before anything was measured")
        raise BenchmarkError("nothing was measured: every request was one of those to settle")
    if not frame["ok"].any():
        raise GatewayUnreachable(f"every request failed, the first with: {frame['error'].iloc[0]}")
    return fill_costs(frame, known)


class _Workers:
    """The processes of a run."""

    def __init__(
        self, spec: Spec, settings: Settings, folder: Path, progress: Progress | None
    ) -> None:
        self._spec = spec
        self._progress = progress
        self._lines: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
        self._tallies = [(0, 0)] * spec.shards
        self._stage = 0
        self.files = [folder / f"{shard}.parquet" for shard in range(spec.shards)]
        environment = _environment(settings)
        self._processes = [self._start(shard, environment) for shard in range(spec.shards)]

    def _start(self, shard: int, environment: dict[str, str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway_lib.benchmark.meter.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,  # Ctrl-C comes here; what to do about it is said from here
        )
        spec = self._spec.model_dump(mode="json")
        _say(process, json.dumps({"spec": spec, "shard": shard, "out": str(self.files[shard])}))
        threading.Thread(target=self._listen, args=(shard, process), daemon=True).start()
        return process

    def _listen(self, shard: int, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._lines.put((shard, json.loads(line)))
        self._lines.put((shard, None))

    def run(self) -> None:
        """Start every stage when all are ready for it; return when all have ended."""
        running, ready = set(range(len(self._processes))), set[int]()
        while running:
            try:
                shard, said = self._lines.get()
            except KeyboardInterrupt:
                self._signal(signal.SIGINT)
                continue
            if said is None:
                running.discard(shard)
                ready.discard(shard)
                self._check(shard)
            elif "error" in said:
                raise _error(said)
            else:
                self._tallies[shard] = (said["done"], said["failed"])
                if "ready" in said:
                    ready.add(shard)
                    self._stage = said["ready"]
                self._report()
            if running and ready == running:
                ready.clear()
                pause = self._spec.pause_s if self._stage else 0.0
                start = time.time() + LEAD_S + pause
                for each in running:
                    _say(self._processes[each], repr(start))

    def _report(self) -> None:
        if self._progress is not None:
            done, failed = (sum(part) for part in zip(*self._tallies, strict=True))
            asked = sum(max(0, load.count - self._spec.settle) for load in self._spec.load)
            self._progress(State(done, failed, asked, self._stage, len(self._spec.load)))

    def _check(self, shard: int) -> None:
        process = self._processes[shard]
        errors = process.stderr.read() if process.stderr else ""
        if process.wait(STOP_S) != 0:
            last = (errors.strip().splitlines() or [f"exit status {process.returncode}"])[-1]
            raise BenchmarkError(f"shard {shard} ended before its time: {last}")

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(number)
                if process.stdin:
                    process.stdin.close()

    def end(self) -> None:
        """Leave nothing running."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    pipe.close()


def _environment(settings: Settings) -> dict[str, str]:
    """That of this process, with the gateway and key of the settings."""
    told = {
        str(field.alias): getattr(settings, name)
        for name, field in type(settings).model_fields.items()
    }
    told["GATEWAY_API_KEY"] = settings.user_key()
    told["GATEWAY_MASTER_KEY"] = None
    own = {name: str(value) for name, value in told.items() if value is not None}
    return {**process_environment(), **own, "PYTHONUNBUFFERED": "1", "PATH": os.environ["PATH"]}


def _say(process: subprocess.Popen[str], line: str) -> None:
    try:
        if process.stdin and not process.stdin.closed:
            process.stdin.write(line + "\n")
            process.stdin.flush()
    except BrokenPipeError:
        pass  # it has ended; its exit status tells more


def _error(said: dict[str, str]) -> BenchmarkError:
    from gateway_lib import errors

    kind = getattr(errors, said.get("kind", ""), BenchmarkError)
    error: BenchmarkError = kind(said["error"])
    return error
