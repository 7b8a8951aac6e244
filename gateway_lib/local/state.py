"""The one folder in which a local stack keeps everything: data, logs, certificates, keys, what is up.

A second folder is a second stack. The folder is private (mode 0700) and git-ignored; the keys in it are
made once, strong, and stored with mode 0600. A lock in the folder, held by the supervisor for as long as
it lives, tells whether a stack runs: unlike a pid in a file, it cannot be left behind by ``kill -9``.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from gateway_lib.errors import StackNotRunning, StackRunning, StateUnusable

DEFAULT_PATH = Path(".gateway")
FREE_BYTES_NEEDED = 300 * 2**20
"""An empty PostgreSQL cluster with LiteLLM's tables and its write-ahead log is about 100 MB."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The keys of one stack. LiteLLM refuses weak master keys, and the salt key must be another one."""

    master_key: str
    salt_key: str
    postgres_password: str
    redis_password: str
    ui_password: str
    demo_key: str

    @classmethod
    def generate(cls) -> Secrets:
        return cls(
            master_key=f"sk-{secrets.token_urlsafe(32)}",
            salt_key=f"sk-{secrets.token_urlsafe(32)}",
            postgres_password=secrets.token_urlsafe(24),
            redis_password=secrets.token_urlsafe(24),
            ui_password=secrets.token_urlsafe(18),
            demo_key=f"sk-{secrets.token_urlsafe(24)}",
        )


_ASKED_SECONDS = 0.5


class State:
    """A state folder. Raises `StateUnusable` where it cannot be made, read or written."""

    def __init__(self, path: Path | None = None) -> None:
        """Name the folder; nothing is touched before `create`.

        Args:
            path: the folder; by default `GATEWAY_STATE_DIR`, else `.gateway` here.
        """
        chosen = path or Path(os.environ.get("GATEWAY_STATE_DIR") or DEFAULT_PATH)
        self.path = chosen.expanduser().absolute()
        self.logs = self.path / "logs"
        self._lock: int | None = None

    def create(self) -> None:
        """Make the folder where it is missing and prove that it can be written."""
        with self._explained():
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)
            self.logs.mkdir(exist_ok=True)
            probe = self.path / ".probe"
            probe.write_bytes(b"\0" * 4096)
            probe.unlink()
            free = shutil.disk_usage(self.path).free
        if free < FREE_BYTES_NEEDED:
            raise StateUnusable(
                f"{self.path}: {free / 2**20:.0f} MB free, {FREE_BYTES_NEEDED / 2**20:.0f} MB needed; "
                "make room, or name another folder with --state"
            )

    def write(self, name: str, content: str | bytes, mode: int = 0o600) -> Path:
        """Write a file of the folder at once or not at all."""
        path, data = self.path / name, content.encode() if isinstance(content, str) else content
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                temporary.replace(path)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise
        return path

    def secrets(self) -> Secrets:
        """The stack's keys, made at the first call."""
        known = self._read("secrets.json")
        names = {field.name for field in fields(Secrets)}
        result = replace(Secrets.generate(), **{k: v for k, v in known.items() if k in names})
        if asdict(result) != known:
            self.write("secrets.json", json.dumps(asdict(result), indent=1))
        return result

    def record(self, snapshot: Mapping[str, Any]) -> None:
        """Publish what is up, for `gateway status` and `gateway env`."""
        self.write("stack.json", json.dumps(snapshot, indent=1))

    def snapshot(self) -> dict[str, Any]:
        """What the supervisor published last; empty where no stack was ever started."""
        return self._read("stack.json")

    def running_snapshot(self) -> dict[str, Any]:
        """What the supervisor published last, if it still lives; else `StackNotRunning`."""
        if not self.is_locked():
            raise StackNotRunning(f"no stack runs in {self.path}; start one with: gateway up")
        return self.snapshot()

    def lock(self) -> int:
        """Claim the folder for this process and its life; `StackRunning` where another holds it.

        Returns:
            The descriptor that holds it. A child process that is given it holds the folder as well.
        """
        with self._explained():
            opened = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        # above 2: a process started without stdin would get 0, which its child's own stdin replaces
        descriptor = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, 3)
        os.close(opened)
        # whoever asks `is_locked` holds the lock for an instant
        deadline = time.monotonic() + _ASKED_SECONDS
        while not _taken(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise StackRunning(f"a stack already runs in {self.path}; see: gateway status")
            time.sleep(0.01)
        self._lock = descriptor
        self.record({"status": "starting"})  # what is there is of a stack that is gone
        return descriptor

    def adopt(self, descriptor: int) -> None:
        """Hold the folder by the descriptor that the parent process locked and handed down."""
        os.set_inheritable(descriptor, False)
        self._lock = descriptor

    def unlock(self) -> None:
        """Let go of the folder; it stays locked while a child process that was given it lives."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def is_locked(self) -> bool:
        """Whether a supervisor, in whichever process, holds the folder."""
        with self._explained():
            try:
                descriptor = os.open(self.path / "lock", os.O_RDONLY)
            except FileNotFoundError:
                return False
        try:
            return not _taken(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def _read(self, name: str) -> dict[str, Any]:
        """A JSON file of the folder; empty where it is not there."""
        with self._explained():
            try:
                result: dict[str, Any] = json.loads((self.path / name).read_bytes())
            except FileNotFoundError:
                return {}
            except ValueError:
                raise StateUnusable(
                    f"{self.path / name} is damaged; remove the folder to start afresh, "
                    "or name another one with --state"
                ) from None
        return result

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = {
                errno.ENOSPC: "the disk is full",
                errno.EROFS: "the file system is read-only",
                errno.EACCES: "no permission to use it",
                errno.ENOENT: "such a folder cannot be made there",
                errno.ENOTDIR: "a part of the path is a file",
                errno.EEXIST: "it is a file, not a folder",
            }.get(error.errno or 0, error.strerror or str(error))
            raise StateUnusable(
                f"state folder {self.path}: {reason}; name another one with --state"
            ) from error


def _taken(descriptor: int, kind: int) -> bool:
    """Whether the lock could be had; for as long as the descriptor is open, then."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
