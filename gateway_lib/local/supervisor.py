"""Starts the components in order, watches them, restarts the ones that die, and takes all of them down.

A component that dies is reported with the end of its log and restarted, with a growing pause; the sixth
death within ten minutes ends the stack with an error, since something that dies that often is not going
to be well by itself.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Any

from gateway_lib.errors import ComponentFailed, GatewayError
from gateway_lib.local.component import Component, Process, Status, tail
from gateway_lib.local.state import State
from gateway_lib.local.watchdog import Watchdog

MAX_RESTARTS = 5
RESTART_WINDOW_SECONDS = 600.0
POLL_SECONDS = 0.1
STAGE_STOP_SECONDS = 15.0


class _StopAsked(Exception):
    """SIGINT, SIGTERM, or the owner has gone."""


@dataclass(slots=True)
class _Place:
    """A component, its present process if it has one, and its past."""

    component: Component
    process: Process | None = None
    status: Status = Status.WAITING
    deaths: deque[float] = field(default_factory=deque)
    restarts: int = 0
    restart_at: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.component.name,
            "status": self.status,
            "pid": self.process.pid if self.process else None,
            "port": self.component.port,
            "address": self.component.address,
            "restarts": self.restarts,
        }


class Supervisor:
    """Runs the stages of a stack. Use as a context manager: leaving it leaves no process behind."""

    def __init__(
        self,
        state: State,
        stages: Sequence[Sequence[Component]],
        *,
        report: Callable[[str], None],
        facts: Mapping[str, Any],
        owner: int | None = None,
    ) -> None:
        """Arrange the components; nothing starts before `start`.

        Args:
            state: the locked state folder: logs and the published snapshot.
            stages: components in start order; those of one stage start together.
            report: takes one line for people.
            facts: published with the snapshot (the stack's URLs).
            owner: the id of the parent process without which the stack shall not run.
        """
        self._state = state
        self._stages = [[_Place(component) for component in stage] for stage in stages]
        self._places = [place for stage in self._stages for place in stage]
        self._report = report
        self._facts = dict(facts)
        self._owner = owner
        self._stop_asked = False
        self._watchdog: Watchdog | None = None
        self._signals: dict[int, Any] = {}

    def __enter__(self) -> Supervisor:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._signals[number] = signal.signal(number, self._on_signal)
        self._watchdog = Watchdog()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._stop_all()
            failed = error is not None and not isinstance(error, _StopAsked)
            self._publish("failed" if failed else "stopped", str(error) if failed else "")
        finally:
            if self._watchdog:
                self._watchdog.close()
            for number, handler in self._signals.items():
                signal.signal(number, handler)

    def run(self, on_ready: Callable[[], None]) -> None:
        """Start everything, call `on_ready`, then watch until told to stop.

        Raises:
            ComponentFailed: a component did not become ready, or died too often.
        """
        self._set_logs_aside()
        try:
            for stage in self._stages:
                self._start(stage)
            on_ready()
            self._publish("ready")
            while True:
                self._check_stop()
                for place in self._places:
                    self._watch(place)
                time.sleep(POLL_SECONDS)
        except _StopAsked:
            self._report("stopping")

    def _start(self, stage: Sequence[_Place]) -> None:
        for place in stage:
            self._spawn(place)
        while any(place.status is not Status.READY for place in stage):
            self._check_stop()
            for place in stage:
                if place.status is Status.STARTING and not self._became_ready(place):
                    self._refuse_slow_or_dead(place)
            time.sleep(POLL_SECONDS / 2)

    def _refuse_slow_or_dead(self, place: _Place) -> None:
        process = place.process
        if process is None:
            return
        code = process.exit_status()
        if code is None and not self._is_late(place):
            return
        place.status = Status.FAILED
        what = (
            f"was not ready after {place.component.start_seconds:.0f} s"
            if code is None
            else f"ended {_ending(code)} before it was ready"
        )
        raise ComponentFailed(self._with_log(place, what))

    def _watch(self, place: _Place) -> None:
        if place.status is Status.RESTARTING:
            if time.monotonic() >= place.restart_at:
                self._respawn(place)
            return
        process = place.process
        if process is None:
            return
        code = process.exit_status()
        if code is not None:
            self._died(place, f"ended {_ending(code)}")
        elif (
            place.status is Status.STARTING
            and not self._became_ready(place)
            and self._is_late(place)
        ):
            process.reap(time.monotonic())
            self._died(place, f"was not ready after {place.component.start_seconds:.0f} s")

    def _died(self, place: _Place, what: str) -> None:
        self._bury(place)
        now = time.monotonic()
        while place.deaths and now - place.deaths[0] > RESTART_WINDOW_SECONDS:
            place.deaths.popleft()
        place.deaths.append(now)
        if len(place.deaths) > MAX_RESTARTS:
            place.status = Status.FAILED
            raise ComponentFailed(
                self._with_log(place, f"{what}, {len(place.deaths)} deaths in ten minutes")
            )
        pause = 0.1 * 2 ** (len(place.deaths) - 1)
        place.status, place.restart_at = Status.RESTARTING, now + pause
        place.restarts += 1
        self._publish("degraded")
        self._report(self._with_log(place, what) + f"\n{place.component.name}: restarting")

    def _respawn(self, place: _Place) -> None:
        try:
            self._spawn(place)
        except GatewayError as error:
            # what it needs may be down as well, and on its way back: that is one more death, not the end
            self._died(place, f"could not be restarted ({error})")

    def _spawn(self, place: _Place) -> None:
        component = place.component
        if component.prepare:
            component.prepare()
        self._check_stop()
        place.process = Process(component, self._state.logs / f"{component.name}.log")
        if self._watchdog:
            self._watchdog.watch(place.process.pid)
        place.status = Status.STARTING
        self._publish("starting" if place.restarts == 0 else "degraded")

    def _became_ready(self, place: _Place) -> bool:
        process = place.process
        if process is None or process.exit_status() is not None or not place.component.ready():
            return False
        place.status = Status.READY
        seconds = time.monotonic() - process.started
        self._report(f"{place.component.name} ready in {seconds:.1f} s")
        everything = all(other.status is Status.READY for other in self._places)
        self._publish("ready" if everything and place.restarts else "starting")
        return True

    def _is_late(self, place: _Place) -> bool:
        started = place.process.started if place.process else 0.0
        return time.monotonic() - started > place.component.start_seconds

    def _bury(self, place: _Place) -> None:
        if place.process:
            place.process.kill_group()
            if self._watchdog:
                self._watchdog.forget(place.process.pid)
        place.process = None

    def _stop_all(self) -> None:
        for stage in reversed(self._stages):
            running = [(place, place.process) for place in stage if place.process]
            for _, process in running:
                process.ask_to_stop()
            for place, process in running:
                process.reap(
                    time.monotonic() + min(place.component.stop_seconds, STAGE_STOP_SECONDS)
                )
                self._bury(place)
                if place.status is not Status.FAILED:
                    place.status = Status.STOPPED

    def _publish(self, status: str, message: str = "") -> None:
        self._state.record(
            {
                "pid": os.getpid(),
                "status": status,
                "message": message,
                "components": [place.as_dict() for place in self._places],
                **self._facts,
            }
        )

    def _set_logs_aside(self) -> None:
        """Keep the logs of the start before this one, and no older ones."""
        for place in self._places:
            log = self._state.logs / f"{place.component.name}.log"
            if log.exists():
                log.replace(log.with_suffix(".log.1"))

    def _with_log(self, place: _Place, what: str) -> str:
        name = place.component.name
        log = self._state.logs / f"{name}.log"
        lines = tail(log) if log.exists() else []
        return "\n".join([f"{name} {what}; the end of {log}:", *(f"  | {line}" for line in lines)])

    def _check_stop(self) -> None:
        if self._stop_asked or (self._owner is not None and os.getppid() != self._owner):
            raise _StopAsked

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = True


def _ending(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
