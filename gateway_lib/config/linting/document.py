"""A YAML file with the line of everything in it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Repeated:
    """A key that a mapping has twice."""

    key: str
    line: int
    first_line: int


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds, and where."""

    path: Path
    content: dict[str, Any]
    lines: dict[int, dict[Hashable, int]] = field(repr=False)
    """Of each mapping and list, by `id`: the line of each key or index."""
    repeated: tuple[Repeated, ...] = ()

    def line(self, container: Any, key: Hashable = None) -> int | None:
        """Where a key of a container stands, or the container itself; None if it is not of this file."""
        known = self.lines.get(id(container))
        if known is None:
            return None
        return known.get(key) or known.get(None)

    def find(self, *keys: Hashable) -> tuple[Any, int] | None:
        """The value at a path of keys and its line, or None."""
        value: Any = self.content
        line = 1
        for key in keys:
            try:
                line = self.line(value, key) or line
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        return value, line


def load(path: Path) -> Document:
    """Read a file.

    Raises:
        OSError: it cannot be read.
        yaml.YAMLError: it is not YAML; a marked error has the place.
        UnicodeDecodeError: it is not UTF-8.
    """
    text = path.read_text(encoding="utf-8")
    loader = _Loader(text)
    try:
        content = loader.get_single_data()
    finally:
        loader.dispose()
    if content is None:
        content = {}
    return Document(
        path,
        content if isinstance(content, dict) else {"": content},
        loader.lines,
        tuple(loader.repeated),
    )


class _Loader(yaml.SafeLoader):
    """Keeps the line of every key, and the keys that come twice."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lines: dict[int, dict[Hashable, int]] = {}
        self.repeated: list[Repeated] = []

    def mapping(self, node: yaml.MappingNode) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and name in seen and name != "<<":
                self.repeated.append(Repeated(name, line, seen[name]))
            seen.setdefault(name, line)
        self.flatten_mapping(node)
        made: dict[Any, Any] = {}
        lines: dict[Hashable, int] = {None: node.start_mark.line + 1}
        for key, value in node.value:
            name = self.construct_object(key, deep=True)
            made[name] = self.construct_object(value, deep=True)
            lines[name] = key.start_mark.line + 1
        self.lines[id(made)] = lines
        return made

    def sequence(self, node: yaml.SequenceNode) -> list[Any]:
        made = [self.construct_object(one, deep=True) for one in node.value]
        self.lines[id(made)] = {
            None: node.start_mark.line + 1,
            **{index: one.start_mark.line + 1 for index, one in enumerate(node.value)},
        }
        return made


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.mapping)
_Loader.add_constructor("tag:yaml.org,2002:seq", _Loader.sequence)
