"""The npm packages of the engine: exactly those of the lock file, nothing of them executed."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

from gateway_lib.local.prisma.errors import PrismaError
from gateway_lib.local.prisma.node import Node, with_node_first

MANIFESTS = ("package.json", "package-lock.json")
_QUOTED = 4  # lines of npm's errors: code, call, number, and the sentence


def source() -> Path:
    """This package's own folder, where the manifests and the engine's modules are."""
    return Path(str(files("gateway_lib.local.prisma")))


def install(folder: Path, node: Node) -> None:
    """Install ``node_modules`` into an existing folder: the only use of a network in this package.

    The user's npm configuration decides on the registry; npm's cache stays in the folder only
    while this runs, because nothing is to be written to the user's home.

    Raises:
        PrismaError: npm failed, with the end of what it said.
    """
    for name in MANIFESTS:
        shutil.copyfile(source() / name, folder / name)
    cache = folder / ".npm"
    command = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    result = subprocess.run(
        [*node.npm, *command, "--loglevel=error", f"--cache={cache}"],
        cwd=folder,
        env=with_node_first(node, os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    shutil.rmtree(cache, ignore_errors=True)
    if result.returncode:
        lines = [line.removeprefix("npm error").strip() for line in result.stdout.splitlines()]
        said = "; ".join([line for line in lines if line][:_QUOTED])
        raise PrismaError(f"npm ci failed: {said or 'it said nothing'}")
