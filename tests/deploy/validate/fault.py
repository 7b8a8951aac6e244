"""Planted faults: small edits of the right tree, each with the place where it must be told.

They stand in faults/*.txt, each as a patch below its rule::

    === http/health-timing
    also: ...                   other rules that are broken by it
    set: NAME=value             a shell variable
    gone: path                  a file that is removed
    at: path:line               where it is told, where no line has the mark
    --- copilot/gateway/manifest.yml
         interval: 10s
    -    timeout: 5s
    +    timeout: 15s§

The mark § stands in the line that must be told. `new: path` begins a file that is not in the tree. Comments
at the end of lines do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MARK = "§"
FOLDER = Path(__file__).parent / "faults"
_COMMENT = re.compile(r"\s+#.*$")


@dataclass
class Hunk:
    """Lines of one file, with their signs; all are added where the file is new."""

    file: str
    new: bool
    lines: list[str] = field(default_factory=list)

    def apply(self, root: Path) -> int:
        """Make the edit; the number of the marked line, 0 without a mark."""
        path = root / self.file
        before = [] if self.new else path.read_text().split("\n")
        old = [line[1:] for line in self.lines if line[:1] != "+"]
        start = 0 if self.new else _find(before, old, self.file)
        put, marked, taken = [], 0, start
        for line in self.lines:
            sign, text = line[:1], line[1:]
            if sign == "-":
                taken += 1
                continue
            if MARK in text:
                marked = start + len(put) + 1
            if sign == "+":
                put.append(text.replace(MARK, ""))
            else:
                put.append(before[taken])
                taken += 1
        text = "\n".join([*before[:start], *put, *before[taken:]])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.replace("\\udcff", "\udcff").encode(errors="surrogateescape"))
        return marked


@dataclass
class Fault:
    """What is planted and what must be found: this rule, these others, and nothing else."""

    rule: str
    name: str
    hunks: list[Hunk] = field(default_factory=list)
    also: set[str] = field(default_factory=set)
    variables: dict[str, str] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    at: tuple[str, int] | None = None

    def plant(self, root: Path) -> tuple[Path, int]:
        """Make the edits; where the finding must be."""
        for name in self.gone:
            (root / name).unlink()
        places = [(hunk.file, line) for hunk in self.hunks if (line := hunk.apply(root))]
        [(file, line)] = places or [self.at]
        return root / file, line


def faults() -> list[Fault]:
    """Every planted fault."""
    return [fault for path in sorted(FOLDER.glob("*.txt")) for fault in _read(path)]


def _find(lines: list[str], old: list[str], file: str) -> int:
    bare = [_COMMENT.sub("", line) for line in lines]
    wanted = [_COMMENT.sub("", line.replace(MARK, "")) for line in old]
    size = len(wanted)
    found = [n for n in range(len(bare) - size + 1) if bare[n : n + size] == wanted]
    assert len(found) == 1, f"{len(found)} times in {file}:\n" + "\n".join(wanted)
    return found[0]


def _read(path: Path) -> Iterator[Fault]:
    for number, block in enumerate(re.split(r"^=== ", path.read_text(), flags=re.M)[1:], 1):
        rule, *lines = block.rstrip("\n").split("\n")
        fault = Fault(rule, f"{path.stem}-{number}-{rule}")
        for line in lines:
            word, _, rest = line.partition(": ")
            if line.startswith("--- ") or word == "new":
                name = rest if word == "new" else line.removeprefix("--- ")
                fault.hunks.append(Hunk(name, new=word == "new"))
            elif fault.hunks:
                fault.hunks[-1].lines.append(line)
            elif word == "also":
                fault.also = set(rest.split(", "))
            elif word == "set":
                name, _, value = rest.partition("=")
                fault.variables[name] = value
            elif word == "gone":
                fault.gone.append(rest)
            elif word == "at":
                file, _, at = rest.rpartition(":")
                fault.at = (file, int(at))
            else:
                raise AssertionError(f"{path.name}: {rule}: {line}")
        yield fault
