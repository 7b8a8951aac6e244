"""The process that outlives a supervisor killed with SIGKILL, and takes the stack down in its place.

It holds the reading end of a pipe whose writing end only the supervisor has. Over the pipe it is told of
process groups that begin (``+PGID``) and end (``-PGID``). When the pipe closes, the supervisor is gone:
every group still listed is asked to stop, then killed. Standard library only: it starts in 20 ms and has
nothing that can break.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

GRACE_SECONDS = 5.0


class Watchdog:
    """The supervisor's end of the pipe."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-S", "-E", str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        self._tell(f"-{group}")

    def close(self) -> None:
        """End the watchdog; groups still watched are ended with it."""
        if self._popen.stdin:
            with suppress(BrokenPipeError):
                self._popen.stdin.close()
        self._popen.wait()

    def _tell(self, line: str) -> None:
        if self._popen.stdin is None:
            return
        with suppress(BrokenPipeError):
            self._popen.stdin.write(f"{line}\n".encode())
            self._popen.stdin.flush()


def _send(groups: set[int], number: signal.Signals) -> set[int]:
    alive = set()
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            alive.add(group)
    return alive


def main() -> None:
    """Read the pipe to its end, then end every group that is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        groups.add(group) if line[0] == "+" else groups.discard(group)
    deadline = time.monotonic() + GRACE_SECONDS
    alive = _send(groups, signal.SIGTERM)
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = {group for group in alive if _exists(group)}
    _send(groups, signal.SIGKILL)


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
