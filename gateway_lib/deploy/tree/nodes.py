"""YAML as Python values that know the lines they came from."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]
"""The way from the top of a document to a value: names of keys and numbers of items."""


class Map(dict[str, Any]):
    """A mapping that knows the line of each of its keys, and its own."""

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}

    def put(self, key: str, value: Any, line: int) -> None:
        """Set a key that stands in `line`."""
        self[key] = value
        self.lines[key] = line

    def line_of(self, key: str) -> int:
        """The line of a key, else that of the mapping."""
        return self.lines.get(key, self.line)


class Seq(list[Any]):
    """A list that knows the line of each of its items, and its own."""

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []

    def put(self, value: Any, line: int) -> None:
        """Append an item that stands in `line`."""
        self.append(value)
        self.lines.append(line)

    def line_of(self, number: int) -> int:
        """The line of an item, else that of the list."""
        return self.lines[number] if 0 <= number < len(self.lines) else self.line


def child(value: Any, part: str | int) -> Any:
    """One step down; KeyError where there is no such step."""
    if isinstance(value, Map) and str(part) in value:
        return value[str(part)]
    if isinstance(value, Seq) and isinstance(part, int) and 0 <= part < len(value):
        return value[part]
    raise KeyError(part)


def get(value: Any, *parts: str | int) -> Any:
    """The value at the end of a way, None where the way ends before."""
    try:
        for part in parts:
            value = child(value, part)
    except KeyError:
        return None
    return value


def line_at(value: Any, *parts: str | int) -> int:
    """The line of the value at the end of a way, or of the nearest thing above it."""
    line = getattr(value, "line", 0)
    for part in parts:
        try:
            inner = child(value, part)
        except KeyError:
            break
        line = value.line_of(part) if isinstance(part, int) else value.line_of(str(part))
        value = inner
    return int(line)


def keys(value: Any) -> list[str]:
    """The keys of a mapping; none of anything else."""
    return list(value) if isinstance(value, Map) else []


def walk(value: Any, place: Place = (), line: int = 0) -> Iterator[tuple[Place, Any, int]]:
    """Every value below this one and itself, with its place and line, outermost first."""
    yield place, value, line or getattr(value, "line", 0)
    if isinstance(value, Map):
        for key, inner in value.items():
            yield from walk(inner, (*place, key), value.line_of(key))
    elif isinstance(value, Seq):
        for number, inner in enumerate(value):
            yield from walk(inner, (*place, number), value.line_of(number))


def with_texts(value: Any, change: Any) -> Any:
    """The same with every text put through `change`; lines stay."""
    if isinstance(value, Map):
        made = Map(value.line)
        for key, inner in value.items():
            made.put(key, with_texts(inner, change), value.line_of(key))
        return made
    if isinstance(value, Seq):
        items = Seq(value.line)
        for number, inner in enumerate(value):
            items.put(with_texts(inner, change), value.line_of(number))
        return items
    return change(value) if isinstance(value, str) else copy.copy(value)


def written(place: Place) -> str:
    """`http.additional_rules[1].path`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in place]
    return "".join(parts).removeprefix(".")


def seconds(duration: Any) -> float | None:
    """Seconds of a duration such as `1m30s`, None for anything else."""
    if not isinstance(duration, str) or not DURATION.fullmatch(duration):
        return None
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", duration)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


DURATION = re.compile(r"(\d+(\.\d+)?(ns|us|ms|s|m|h))+")
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
