"""Dockerfiles as the tests read them: a list of instructions, in stages."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    """One of them: `RUN`, and what follows it."""

    line: int
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """What follows in words: those of the JSON form where it is that one, else the shell's."""
        return list(json.loads(self.text)) if self.is_exec else shlex.split(self.text)

    @property
    def is_exec(self) -> bool:
        return self.text.startswith("[")


@dataclass
class Stage:
    """From one `FROM` to the next."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        return [each for each in self.instructions if each.name == name]

    def last(self, name: str) -> Instruction:
        return self.all(name)[-1]

    @property
    def environment(self) -> dict[str, str]:
        """Of its `ENV`s, names in values left as they are."""
        pairs = [word.partition("=") for each in self.all("ENV") for word in each.words]
        return {name: value for name, _, value in pairs}


@dataclass
class Dockerfile:
    """A whole one."""

    path: Path
    arguments: list[str]
    stages: list[Stage]

    @property
    def final(self) -> Stage:
        return self.stages[-1]


def read(path: Path) -> Dockerfile:
    """Parse a Dockerfile."""
    parsed = Dockerfile(path, [], [])
    for each in _instructions(path.read_text()):
        if each.name == "FROM":
            base, *rest = each.words
            parsed.stages.append(Stage(base, rest[1] if rest else ""))
        elif not parsed.stages:
            assert each.name == "ARG", f"{path}:{each.line}"
            parsed.arguments.append(each.text)
        else:
            parsed.stages[-1].instructions.append(each)
    return parsed


def _instructions(text: str) -> list[Instruction]:
    found: list[Instruction] = []
    pending, began = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        began = began or number
        pending += line.rstrip("\\").rstrip() + " " if line.endswith("\\") else line
        if not line.endswith("\\"):
            name, rest = re.match(r"([A-Z]+)\s+(.*)", pending.strip()).groups()
            found.append(Instruction(began, name, rest))
            pending, began = "", 0
    return found
