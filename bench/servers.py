"""The processes of a measurement, and the CPU time that each has used."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from gateway_lib import local
from gateway_lib.local import ports
from gateway_lib.local.component import Component, Process
from gateway_lib.local.postgres import Postgres

START_SECONDS = 30.0
STOP_SECONDS = 10.0
_UVICORN = (
    *("-m", "uvicorn", "--loop", "uvloop", "--http", "httptools"),
    *("--no-access-log", "--no-server-header", "--no-proxy-headers", "--log-level", "warning"),
)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    url: str
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """User and system time so far, of the process and its children."""
        family = [self.process, *self.process.children(recursive=True)]
        if sys.platform == "linux":  # a process's clock has no steps, /proc's are of 10 ms
            return sum(time.clock_gettime((~one.pid << 3) | 2) for one in family)
        return sum(times.user + times.system for times in (one.cpu_times() for one in family))


def stop_when_told() -> None:
    """Have a signal that ends this process end what it has started first."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))


@contextmanager
def origin() -> Iterator[Server]:
    with served([*_UVICORN, "bench.origin:app"], {}, "/health/readiness") as server:
        yield server


@contextmanager
def bare(upstream: str) -> Iterator[Server]:
    arguments = [*_UVICORN, "--factory", "bench.bare:create_app"]
    with served(arguments, {"BENCH_UPSTREAM": upstream}, "/health/readiness") as server:
        yield server


@contextmanager
def middleware(upstream: str, database_url: str, history: str) -> Iterator[Server]:
    """The service as it is deployed, its request log on."""
    settings = {
        "MIDDLEWARE_LITELLM_URL": upstream,
        "MIDDLEWARE_LITELLM_KEY": "sk-bench-master",
        "MIDDLEWARE_DATABASE_URL": database_url,
        "MIDDLEWARE_HISTORY": history,
    }
    with served(["-m", "middleware"], settings, "/readyz") as server:
        yield server


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of the measurement's own."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        state = local.State(Path(folder) / "state")
        state.create()
        server = Postgres(state, ports.choose(), state.secrets().postgres_password)
        with running(server.component(), state.logs / "postgres.log"):
            yield server


@contextmanager
def running(component: Component, log: Path) -> Iterator[Server]:
    """A component of the local stack, from ready to ended."""
    if component.prepare:
        component.prepare()
    process = Process(component, log)
    try:
        _wait(component.ready, component.name, component.start_seconds)
        yield Server(component.address, psutil.Process(process.pid))
    finally:
        process.ask_to_stop()
        process.reap(time.monotonic() + STOP_SECONDS)


@contextmanager
def served(arguments: list[str], settings: dict[str, str], ready: str) -> Iterator[Server]:
    """A Python process that serves; a port of its own is named in its environment and after `--port`."""
    port = ports.choose()
    if arguments[1] == "uvicorn":
        arguments = [*arguments, "--port"]
    if arguments[-1] == "--port":
        arguments = [*arguments, str(port)]
    environment = {**os.environ, **settings, "MIDDLEWARE_PORT": str(port)}
    started = subprocess.Popen(
        [sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL
    )
    server = Server(f"http://{ports.HOST}:{port}", psutil.Process(started.pid))
    try:
        _wait(lambda: _answers(server.url + ready, started), started.args)
        yield server
    finally:
        started.terminate()
        started.wait(STOP_SECONDS)


def _wait(condition: Callable[[], bool], what: object, seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: a server did not start: {what}")
        time.sleep(0.05)


def _answers(url: str, started: subprocess.Popen[bytes]) -> bool:
    if started.poll() is not None:
        raise SystemExit(f"bench: a server ended: {started.args!r}")
    try:
        with urlopen(url, timeout=1):
            return True
    except (URLError, TimeoutError, ConnectionError):
        return False
