"""Environments of foreign SDKs: one per lock file, made on demand, kept with the Python environment.

Their requirements contradict each other and ours, so each SDK lives alone, installed from a lock file in
this folder that has the hash of every file. A changed lock is a new environment; the old one is removed.
Locks are made anew, in the folder of one, with ``npm update --package-lock-only`` or with ``uv pip compile
requirements.in --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade -o
requirements.lock``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway_lib.local.prisma import node

HERE = Path(__file__).parent
ROOT = Path(sys.prefix) / "share" / "gateway-workbench" / "contract"
STAMP = ".complete"
SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Foreign:
    """A made environment, and the folder of the programs that run in it."""

    programs: Path
    interpreter: Path

    def run(
        self,
        program: str,
        *arguments: str,
        variables: dict[str, str],
        folder: Path,
        options: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the programs in an empty folder, with these variables and hardly any others.

        The folder is its home too: nothing that this machine's user has configured for AWS is found.
        """
        return subprocess.run(
            [str(self.interpreter), *options, str(self.programs / program), *arguments],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "PYTHONDONTWRITEBYTECODE": "1",
                "AWS_EC2_METADATA_DISABLED": "true",  # else SDKs wait for an address nobody answers at
                **variables,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


def locks(folder: Path = HERE) -> list[Path]:
    """Every lock file, one per environment."""
    return sorted([*folder.glob("*/requirements.lock"), *folder.glob("*/package-lock.json")])


def environment(name: str, folder: Path = HERE) -> Foreign:
    """The environment of one of a folder's folders, made now where it is missing."""
    (lock,) = [path for path in locks(folder) if path.parent.name == name]
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = ROOT / f"{name}-{digest}"
    make = _make_python if lock.name == "requirements.lock" else _make_node
    with _alone(name):
        if not (home / STAMP).exists():
            for old in ROOT.glob(f"{name}-*/"):
                shutil.rmtree(old)
            home.mkdir()
            make(lock, home)
            (home / STAMP).touch()
        if make is _make_python:
            return Foreign(lock.parent, home / "bin" / "python")
        # a module's imports are looked up from where it lies, so the programs run from beside the packages
        for program in lock.parent.glob("*.mjs"):
            shutil.copyfile(program, home / program.name)
        return Foreign(home, _node().executable)


def _make_python(lock: Path, home: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    _run([uv, "venv", "--quiet", "--allow-existing", f"--python={sys.executable}", str(home)])
    python = f"--python={home / 'bin' / 'python'}"
    _run([uv, "pip", "sync", "--quiet", "--require-hashes", python, str(lock)], _index())


def _make_node(lock: Path, home: Path) -> None:
    for manifest in (lock, lock.with_name("package.json")):
        shutil.copyfile(manifest, home / manifest.name)
    chosen, cache = _node(), home / ".npm"
    options = [
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        f"--cache={cache}",
    ]
    _run([*chosen.npm, "ci", *options], node.with_node_first(chosen, os.environ), home)
    shutil.rmtree(cache, ignore_errors=True)


def _node() -> node.Node:
    """The wheel's Node.js, which is newer than many a machine's; the SDKs want 22."""
    return node.in_wheel() or node.find()


def _index() -> dict[str, str]:
    """Variables for uv, which does not read where pip is configured to find its packages."""
    asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    index = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return {**({"UV_DEFAULT_INDEX": index} if index else {}), **os.environ}


def _run(
    command: Sequence[str], variables: dict[str, str] | None = None, folder: Path | None = None
) -> None:
    done = subprocess.run(
        command, env=variables, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{' '.join(command)}: {(done.stderr or done.stdout)[-2000:]}"


@contextmanager
def _alone(name: str) -> Iterator[None]:
    ROOT.mkdir(parents=True, exist_ok=True)
    with (ROOT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
