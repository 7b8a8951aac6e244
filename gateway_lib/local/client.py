"""What others do with a stack that runs in a process of its own: start, find, ask, stop it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_lib.errors import ComponentFailed, StackError
from gateway_lib.local import demo
from gateway_lib.local.http import answers
from gateway_lib.local.state import State
from gateway_lib.proxies import past_proxies

START_SECONDS = 300.0
STOP_SECONDS = 60.0
_STARTED = ("ready", "degraded")
FAILED = "failed: "
"""What the supervisor's last words begin with when it gives up; several lines may follow."""


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A stack that answers, and the environment that points a client at it."""

    state: State
    snapshot: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None
    """The supervisor, where this process started it."""

    @property
    def base_url(self) -> str:
        return str(self.snapshot["base_url"])

    @property
    def environment(self) -> dict[str, str]:
        """The variables of `gateway env`: OpenAI's and AWS's own names, and ours."""
        secrets, facts = self.state.secrets(), self.snapshot
        return {
            "GATEWAY_BASE_URL": facts["base_url"],
            "GATEWAY_TLS_URL": facts["tls_url"],
            "GATEWAY_API_KEY": secrets.demo_key,
            "GATEWAY_MASTER_KEY": secrets.master_key,
            "GATEWAY_SIMULATOR_URL": facts["simulator_url"],
            "GATEWAY_STATE_DIR": str(self.state.path),
            "GATEWAY_PROMPT_ARN": demo.PROMPT_ARN,
            "OPENAI_BASE_URL": f"{facts['base_url']}/v1",
            "OPENAI_API_KEY": secrets.demo_key,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"{facts['tls_url']}/bedrock",
            "AWS_BEARER_TOKEN_BEDROCK": secrets.demo_key,
            "AWS_REGION": facts["region"],
            "AWS_DEFAULT_REGION": facts["region"],
            "AWS_CA_BUNDLE": facts["bundle"],
            "SSL_CERT_FILE": facts["bundle"],
            "NODE_EXTRA_CA_CERTS": facts["authority"],
            **past_proxies(os.environ),
        }

    def stop(self) -> None:
        """Stop the stack; its data stays in the state folder."""
        down(self.state)
        if self.process:
            self.process.wait()


def find(state: State) -> RunningStack:
    """The stack that runs in `state`; `StackNotRunning` or, before it is ready, `StackError`."""
    snapshot = state.running_snapshot()
    if snapshot.get("status") not in _STARTED:
        raise StackError(f"the stack in {state.path} is {snapshot.get('status', 'starting')}")
    return RunningStack(state, snapshot)


def printed_for(state: State, environment: Mapping[str, str]) -> bool:
    """Whether an environment is what `gateway env` printed for this folder, maybe before a restart.

    The keys of a folder stay what they are; its ports change with every start.
    """
    key = environment.get("GATEWAY_API_KEY")
    return (state.path / "secrets.json").exists() and key == state.secrets().demo_key


def status(state: State) -> dict[str, Any]:
    """What is up and where, and whether `gateway env` has something to print and the front door serves.

    Returns:
        the supervisor's snapshot plus `running` and `healthy`; `components` as a list of dicts with
        name, status, pid, port, address and restarts.
    """
    running = state.is_locked()
    snapshot = state.snapshot()
    if not running and snapshot.get("status") not in (None, "stopped", "failed"):
        snapshot["status"] = "killed"
    if not running:
        for component in snapshot.get("components", []):
            component.update(status="stopped", pid=None)
    started = running and snapshot.get("status") in _STARTED
    healthy = started and answers(f"{snapshot['base_url']}/readyz")
    return {"running": running, "healthy": healthy, "state": str(state.path), **snapshot}


def start_detached(
    state: State,
    *,
    port: int | None = None,
    tls_port: int | None = None,
    owned: bool = False,
    report: Callable[[str], None] = lambda line: None,
) -> RunningStack:
    """Start a stack in a process of its own and return when all of it is healthy.

    Args:
        state: the folder to run it in.
        port: where the front door speaks http; by default a free port.
        tls_port: where it speaks https; by default a free port.
        owned: the stack ends when this process does, however that happens.
        report: takes one line for people as the start goes on.
    """
    state.create()
    lock = state.lock()
    arguments = [f"--state={state.path}", f"--lock={lock}"]
    arguments += [f"--port={port}"] if port else []
    arguments += [f"--tls-port={tls_port}"] if tls_port else []
    arguments += [f"--owner={os.getpid()}"] if owned else []
    log = state.logs / "supervisor.log"
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "gateway_lib.local", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[lock],
            )
    finally:
        state.unlock()
    try:
        return _wait_until_ready(state, process, log, report)
    except BaseException:
        if process.poll() is None:
            _stop(process.pid, state)
        process.wait()
        raise


def down(state: State) -> bool:
    """Stop the stack that runs in `state`; False where none does."""
    if not state.is_locked():
        return False
    pid = state.snapshot().get("pid")
    if not pid:
        raise StackError(f"the stack in {state.path} has not said its process id yet; try again")
    _stop(int(pid), state)
    return True


@contextmanager
def running_stack(
    state_dir: Path | None = None, report: Callable[[str], None] = lambda line: None
) -> Iterator[RunningStack]:
    """The stack of a state folder: the one that runs there, else one started for the time being."""
    state = State(state_dir)
    if state.is_locked():
        yield find(state)
        return
    stack = start_detached(state, owned=True, report=report)
    try:
        yield stack
    finally:
        stack.stop()


def _wait_until_ready(
    state: State, process: subprocess.Popen[bytes], log: Path, report: Callable[[str], None]
) -> RunningStack:
    deadline, shown = time.monotonic() + START_SECONDS, 0
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        text = "\n" + log.read_text(errors="replace")
        said, failed, why = text.partition(f"\n{FAILED}")
        lines = said.splitlines()[1:]
        if ended:
            last = why.strip() if failed else "\n".join(lines[-25:])
            raise ComponentFailed(last or "the supervisor ended without a word")
        for line in lines[shown:]:
            report(line)
        shown = len(lines)
        snapshot = state.snapshot()
        if snapshot.get("pid") == process.pid and snapshot.get("status") == "ready":
            return RunningStack(state, snapshot, process)
        time.sleep(0.1)
    raise ComponentFailed(f"the stack was not ready after {START_SECONDS:.0f} s; see {log}")


def _stop(pid: int, state: State) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while state.is_locked() and time.monotonic() < deadline:
            time.sleep(0.05)
        if state.is_locked():
            os.kill(pid, signal.SIGKILL)
