"""From a fresh Python environment to one in which LiteLLM has its database engine."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway_lib.local.prisma import client, node, packages
from gateway_lib.local.prisma.engine import Engine, engine, lay_out
from gateway_lib.local.prisma.errors import PrismaError

STAMP = "stamp.json"


def silent(_: str) -> None:
    """Report nothing."""


def default_root() -> Path:
    """The engine's folder: it belongs to the Python environment, as the generated client does."""
    return Path(sys.prefix) / "share" / "gateway-workbench" / "prisma"


def prepare(report: Callable[[str], None] = silent, *, root: Path | None = None) -> Engine:
    """Install the engine and generate LiteLLM's client, unless both are current.

    May be called by any number of processes at once; what an interrupted call left is done again.

    Args:
        report: takes one line for people per step; nothing is reported when nothing has to be done.
        root: where to install; the default belongs to the Python environment.

    Raises:
        PrismaError: Node.js, npm, the generator or the folder failed.
    """
    root = root or default_root()
    made_from = _fingerprint()
    if not (_is_installed(root, made_from) and _is_generated()):
        try:
            with _locked(root):
                _make(root, made_from, report)
        except OSError as error:
            reason = f"{error.strerror}: {error.filename}"
            raise PrismaError(f"the database engine cannot be installed: {reason}") from error
    return engine(root)


def _make(root: Path, made_from: str, report: Callable[[str], None]) -> None:
    if not _is_installed(root, made_from):
        chosen = node.find()
        report(f"installing Prisma's WASM engine with npm, for {chosen.executable}")
        (root / STAMP).unlink(missing_ok=True)
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        packages.install(root, chosen)
        lay_out(root, chosen)
        stamp = root / f"{STAMP}.new"
        stamp.write_text(json.dumps({"made_from": made_from, "node": str(chosen.executable)}))
        stamp.replace(root / STAMP)
    if not _is_generated():
        report("generating LiteLLM's Prisma client")
        client.generate(
            client.litellm_schema(),
            client.litellm_client(),
            root / "bin" / "node",
            root / "engine",
            client.LITELLM_APPENDIX,
        )


def _is_installed(root: Path, made_from: str) -> bool:
    try:
        stamp = json.loads((root / STAMP).read_text())
    except (OSError, ValueError):
        return False
    return bool(stamp["made_from"] == made_from and Path(stamp["node"]).exists())


def _is_generated() -> bool:
    return client.is_current(
        client.litellm_schema(), client.litellm_client(), client.LITELLM_APPENDIX
    )


def _fingerprint() -> str:
    """A hash of everything the installation is made from."""
    digest = hashlib.sha256(json.dumps(client.versions(), sort_keys=True).encode())
    own = packages.source()
    for path in sorted([*own.glob("*.py"), *own.glob("*.json"), *own.glob("engine/*js")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
