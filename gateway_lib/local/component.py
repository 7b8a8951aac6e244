"""One process of the local stack: what to run, when it is ready, how it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gateway_lib.errors import PartMissing
from gateway_lib.proxies import past_proxies

LOG_TAIL_LINES = 20
_INHERITED = frozenset(
    [
        "HOME",
        "LANG",
        "LANGUAGE",
        "LD_LIBRARY_PATH",
        "LOGNAME",
        "PATH",
        "SHELL",
        "TEMP",
        "TMP",
        "TMPDIR",
        "TZ",
        "USER",
        "VIRTUAL_ENV",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ]
)
_INHERITED_PREFIXES = ("LC_", "PYTHON", "XDG_", "DYLD_", "OTEL_")
TAIL_BYTES = 2**16


class Status(StrEnum):
    """Where a component is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Component:
    """What the supervisor needs to know of a process.

    Attributes:
        name: shown in tables; also the name of the log file.
        command: program and arguments; no secret may be among them, the process list shows them.
        ready: called until it returns True; must return within a second.
        port: where it listens on loopback.
        environment: added to what is `inherited` of the user's.
        address: a URL for people, without credentials.
        prepare: run before each start, for instance to write a configuration or to mend a stale lock.
        stop_signal: what asks it to end; SIGKILL follows after `stop_seconds`.
        start_seconds: how long it may take to become ready.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    prepare: Callable[[], None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    start_seconds: float = 60.0


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """What a component gets of the user's environment.

    A short list rather than all of it: LiteLLM obeys hundreds of variables, and with a real provider's key
    among them a stack that is to call nobody would send that key along.
    """
    own = {
        name: value
        for name, value in environment.items()
        if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
    return {**own, **past_proxies(environment)}


class Process:
    """A running component: its own process group, its output in its own log file."""

    def __init__(self, component: Component, log: Path) -> None:
        self.component = component
        self.log = log
        self.started = time.monotonic()
        with log.open("ab") as output:
            try:
                self._popen = subprocess.Popen(
                    list(component.command),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**inherited(os.environ), **component.environment},
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise PartMissing(f"{component.name}: {error.filename} is not installed") from error
        self.pid = self._popen.pid

    def exit_status(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._popen.poll()

    def ask_to_stop(self) -> None:
        if self._popen.poll() is None:
            self._popen.send_signal(self.component.stop_signal)

    def reap(self, deadline: float) -> None:
        """Wait until the monotonic `deadline`, then kill whatever is left of the process group."""
        try:
            self._popen.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self.kill_group()

    def kill_group(self) -> None:
        """End what the process may have left behind: LiteLLM's database engine, for one."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


def tail(log: Path) -> list[str]:
    """The last lines of a log, however large it is."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        return file.read().decode(errors="replace").splitlines()[-LOG_TAIL_LINES:]
