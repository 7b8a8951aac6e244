"""The installed engine: its folder, the executable in it, and the environment that leads LiteLLM to it.

::

    <root>/node_modules/           what npm installed
    <root>/engine/                 the engine's modules, a copy, because Node.js resolves packages by place
    <root>/query-engine            the executable prisma-client-py starts
    <root>/bin/node                Node.js, where prisma-client-py looks for one of its own
    <root>/cli/node_modules/...    what answers in place of the Prisma CLI
    <root>/fallback/openssl        for machines without it
    <root>/stamp.json              what all this was made from; written last
"""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from gateway_lib.local.prisma.client import ENGINE_VERSION
from gateway_lib.local.prisma.node import Node
from gateway_lib.local.prisma.packages import source

_EXECUTABLE_MODE = 0o755

_QUERY_ENGINE = """\
#!/bin/sh
[ "$1" = --version ] && exec echo query-engine {version}
GATEWAY_ENGINE_PARENT=$PPID exec {node} {main} "$@"
"""
# prisma-client-py asks openssl for its version to name a file it then does not use
_OPENSSL = """\
#!/bin/sh
echo OpenSSL 3.0.0
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """What a process needs to use the engine.

    Attributes:
        executable: stands in for Prisma's native ``query-engine``.
        environment: variables LiteLLM's process needs, to be put over its other ones.
    """

    executable: Path
    environment: dict[str, str]


def lay_out(root: Path, node: Node) -> None:
    """Write everything but ``node_modules`` and the stamp into an existing folder.

    The files name the folder, so the folder must be where it will stay.
    """
    shutil.copytree(source() / "engine", root / "engine")
    cli = root / "cli" / "node_modules" / "prisma" / "build"
    cli.mkdir(parents=True)
    shutil.copyfile(source() / "engine" / "prisma.cjs", cli / "index.js")
    main = shlex.quote(str(root / "engine" / "main.mjs"))
    executable = shlex.quote(str(node.executable))
    _script(
        root / "query-engine",
        _QUERY_ENGINE.format(version=ENGINE_VERSION, node=executable, main=main),
    )
    _script(root / "fallback" / "openssl", _OPENSSL)
    (root / "bin").mkdir()
    (root / "bin" / "node").symlink_to(node.executable)


def engine(root: Path) -> Engine:
    """The engine in a folder."""
    environment = {
        "PRISMA_QUERY_ENGINE_BINARY": str(root / "query-engine"),
        "PRISMA_EXPECTED_ENGINE_VERSION": ENGINE_VERSION,
        # with these, prisma-client-py neither installs a Node.js nor the Prisma CLI, nor looks into the home
        "PRISMA_USE_GLOBAL_NODE": "false",
        "PRISMA_USE_NODEJS_BIN": "false",
        "PRISMA_NODEENV_CACHE_DIR": str(root),
        "PRISMA_BINARY_CACHE_DIR": str(root / "cli"),
        # the migrations are applied by `migrate`
        "DISABLE_SCHEMA_UPDATE": "true",
    }
    if shutil.which("openssl") is None:
        environment["PATH"] = f"{os.environ.get('PATH', os.defpath)}:{root / 'fallback'}"
    return Engine(root / "query-engine", environment)


def _script(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(_EXECUTABLE_MODE)
