"""The processes of a measurement, and the CPU time that each has used."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from gateway_lib.local import ports

START_SECONDS = 30.0
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
        return sum(times.user + times.system for times in (one.cpu_times() for one in family))


@contextmanager
def origin() -> Iterator[Server]:
    with _served([*_UVICORN, "bench.origin:app"], {}, "/health/readiness") as server:
        yield server


@contextmanager
def bare(upstream: str) -> Iterator[Server]:
    arguments = [*_UVICORN, "--factory", "bench.bare:create_app"]
    with _served(arguments, {"BENCH_UPSTREAM": upstream}, "/health/readiness") as server:
        yield server


@contextmanager
def middleware(upstream: str) -> Iterator[Server]:
    """The service as it is deployed, its request log on; nothing measured needs its database."""
    settings = {
        "MIDDLEWARE_LITELLM_URL": upstream,
        "MIDDLEWARE_LITELLM_KEY": "sk-bench",
        "MIDDLEWARE_DATABASE_URL": "postgresql://bench:bench@127.0.0.1:9/bench",
    }
    with _served(["-m", "middleware"], settings, "/livez") as server:
        yield server


@contextmanager
def _served(arguments: list[str], settings: dict[str, str], ready: str) -> Iterator[Server]:
    port = ports.choose()
    if arguments[1] == "uvicorn":
        arguments = [*arguments, "--port", str(port)]
    environment = {**os.environ, **settings, "MIDDLEWARE_PORT": str(port)}
    started = subprocess.Popen(
        [sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL
    )
    server = Server(f"http://{ports.HOST}:{port}", psutil.Process(started.pid))
    try:
        _wait_until_ready(server.url + ready, started)
        yield server
    finally:
        started.terminate()
        started.wait(10)


def _wait_until_ready(url: str, started: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and started.poll() is None:
        try:
            with urlopen(url, timeout=1):
                return
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.05)
    raise SystemExit(f"bench: a server did not start: {started.args!r}")
