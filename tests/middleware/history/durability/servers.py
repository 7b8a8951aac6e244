"""Real servers that can be killed, paused, and started again where they were."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from gateway_lib.local import State, ports
from gateway_lib.local.component import Component, Process, tail
from gateway_lib.local.http import answers
from gateway_lib.local.postgres import Postgres
from gateway_lib.local.redis import Redis
from tests.conftest import wait_until
from tests.middleware.history.litellm import MASTER

ROOT = Path(__file__).resolve().parents[4]
_STOP_SECONDS = 15.0


class Server:
    """A process, and all that it starts."""

    def __init__(self, component: Component, folder: Path, url: str) -> None:
        self.url = url
        self._component = component
        self._log = folder / f"{component.name}.log"
        self._process: Process | None = None

    def launch(self) -> None:
        if self._component.prepare:
            self._component.prepare()
        self._process = Process(self._component, self._log)

    def await_ready(self) -> None:
        wait_until(self._is_ready)

    def start(self) -> None:
        self.launch()
        self.await_ready()

    def terminate(self) -> None:
        """Ask it to stop, as a rolling deployment does."""
        self._running.ask_to_stop()

    def listens(self) -> bool:
        return not ports.is_free(self._component.port)

    def has_ended(self) -> bool:
        return self._running.exit_status() is not None

    def kill(self) -> None:
        """End all of it at once: nothing gets to write or to say anything any more."""
        family = self._stopped()
        for one in family:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        self._running.reap(time.monotonic() + 5)
        wait_until(lambda: not any(map(_lives, family)), 5)

    @contextmanager
    def paused(self) -> Iterator[None]:
        family = self._stopped()
        try:
            yield
        finally:
            for one in family:
                with suppress(psutil.NoSuchProcess):
                    one.resume()

    def stop(self) -> None:
        if self._process:
            self._process.ask_to_stop()
            self._process.reap(time.monotonic() + _STOP_SECONDS)
            self._process = None

    @property
    def _running(self) -> Process:
        assert self._process, f"{self._component.name} was not started"
        return self._process

    def _stopped(self) -> list[psutil.Process]:
        """The process and its children, none of which can start another one any more."""
        parent = psutil.Process(self._running.pid)
        parent.suspend()
        children = parent.children(recursive=True)
        for one in children:
            with suppress(psutil.NoSuchProcess):
                one.suspend()
        return [parent, *children]

    def _is_ready(self) -> bool:
        assert not self.has_ended(), "\n".join(tail(self._log))
        return self._component.ready()


class Database(Server):
    """PostgreSQL, as the local stack runs it."""

    def __init__(self, folder: Path) -> None:
        state = _state(folder)
        server = Postgres(state, ports.choose(), state.secrets().postgres_password)
        super().__init__(server.component(), state.logs, server.url("postgres"))
        self.ensure_database = server.ensure_database
        self.url_of = server.url


class Model(Server):
    """The upstream, with what a test has to say to it."""

    def __init__(self, folder: Path) -> None:
        arguments = ("uvicorn", "--factory", "--loop", "uvloop", "--http", "httptools")
        quiet = ("--no-access-log", "--log-level", "warning")
        app = f"{__package__}.upstream:create_app"
        port = ports.choose()
        command = (*arguments, *quiet, "--port", str(port), app)
        url = f"http://{ports.HOST}:{port}"
        super().__init__(_python("model", command, port, "/health/readiness", {}), folder, url)

    def tell(self, **what: float) -> int:
        """Say how long answers take, hold them back or let them go; returns how many are held back."""
        answer = httpx.post(f"{self.url}/tests/tell", params=what, trust_env=False, timeout=60)
        return answer.json()["waiting"]

    def calls(self) -> dict[str, dict[str, Any]]:
        """What it was asked, by the question; none is asked twice."""
        calls = httpx.get(f"{self.url}/tests/calls", trust_env=False, timeout=60).json()
        found = {call["question"]: call for call in calls}
        assert len(found) == len(calls)
        return found


def redis(folder: Path) -> Server:
    state = _state(folder)
    server = Redis(state, ports.choose(), state.secrets().redis_password)
    return Server(server.component(), state.logs, server.url())


def middleware(
    name: str, folder: Path, environment: Mapping[str, str] | None = None, **settings: object
) -> Server:
    """The service as it is deployed; `environment` is added to its settings."""
    port = ports.choose()
    given = {f"MIDDLEWARE_{key.upper()}": str(value) for key, value in settings.items()}
    own = {"MIDDLEWARE_LITELLM_KEY": MASTER, "MIDDLEWARE_PORT": str(port)}
    environment = {**own, **given, **(environment or {})}
    component = _python(name, ("middleware",), port, "/readyz", environment)
    return Server(component, folder, f"http://{ports.HOST}:{port}")


def _python(
    name: str, module: tuple[str, ...], port: int, path: str, environment: dict[str, str]
) -> Component:
    return Component(
        name=name,
        command=[sys.executable, "-m", *module],
        ready=lambda: answers(f"http://{ports.HOST}:{port}{path}"),
        port=port,
        environment={"PYTHONPATH": str(ROOT), **environment},
    )


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _state(folder: Path) -> State:
    state = State(folder)
    state.create()
    return state
