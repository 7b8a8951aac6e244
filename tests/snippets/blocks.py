"""The fenced blocks of README.md and docs/, and the commands that are in them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^( *)(`{3,})(\w*)[^\n]*\n(.*?)^\1\2 *$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str
    line: int
    language: str
    text: str

    @property
    def first(self) -> str:
        """Its first line, by which the tables know it."""
        return self.text.strip().splitlines()[0]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command of a shell block, with the lines that belong to it."""

    text: str
    remark: str

    @property
    def name(self) -> str:
        """What it is known by: its first line, without the remark and the folder of the environment."""
        return re.sub(r"(^|\$\()\.venv/bin/", r"\1", self.text.splitlines()[0].strip())


def pages(repository: Path) -> list[Path]:
    return [repository / "README.md", *sorted((repository / "docs").rglob("*.md"))]


def blocks(repository: Path) -> list[Block]:
    return [
        Block(path.relative_to(repository).as_posix(), text.count("\n", 0, found.start()) + 1,
              found[3], re.sub(rf"^{found[1]}", "", found[4], flags=re.M))
        for path in pages(repository)
        for text in [path.read_text()]
        for found in FENCE.finditer(text)
    ]  # fmt: skip


def commands(block: Block) -> Iterator[Command]:
    """Lines, put together until the shell says that a command is whole."""
    held = ""
    for line in block.text.splitlines():
        if not held and (not line.strip() or line.startswith("#")):
            continue
        code, remark = (
            re.fullmatch(r"(.*?)(?:\s{2,}(#.*))?", line).groups() if not held else (line, "")
        )
        held += code + "\n"
        if code.endswith("\\"):
            continue
        said = subprocess.run(
            ["bash", "-n", "-c", held], capture_output=True, text=True, check=False
        )
        if said.returncode == 0 and not said.stderr:
            yield Command(held.rstrip("\n"), remark or "")
            held = ""
    assert not held, f"{block}: the shell does not take {held!r}"
