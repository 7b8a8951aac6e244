"""Reading a roster from YAML or CSV; what is wrong with it is told with file, line and field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gateway_lib.errors import RosterError
from gateway_lib.provisioning.roster import Roster
from gateway_lib.provisioning.spreadsheet import read_rows

Place = tuple[str | int, ...]


def read_roster(path: Path) -> Roster:
    """The roster in a file, `.csv` or else YAML.

    Raises:
        RosterError: It cannot be read, or something in it is not right; a line for each mistake.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise RosterError(f"{path}: {reason}") from None
    document, lines = read_rows(text, path) if path.suffix == ".csv" else _read_yaml(text, path)
    try:
        return Roster.model_validate(document)
    except ValidationError as error:
        told = [_told(path, lines, dict(one)) for one in error.errors(include_url=False)]
        raise RosterError("\n".join(dict.fromkeys(told))) from None


def _told(path: Path, lines: Mapping[Place, int], error: Mapping[str, Any]) -> str:
    place, message = tuple(error["loc"]), str(error["msg"]).removeprefix("Value error, ")
    found = re.match(r"([\w.\[\]]+\]\.\w+): ", message)
    if found and not place:
        place, message = _place(found[1]), message[found.end() :]
    if error["type"] == "extra_forbidden":
        message = "no such field"
    line = next((lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in lines), 1)
    return f"{path}:{line}: {_path(place)}: {message}" if place else f"{path}:{line}: {message}"


def _path(place: Place) -> str:
    """`users[1].keys[0].alias`, without the words that pydantic adds for unions."""
    words = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in place]
    return "".join(words).removeprefix(".")


def _place(path: str) -> Place:
    parts = re.findall(r"\w+", path)
    return tuple(int(part) if part.isdigit() else part for part in parts)


def _read_yaml(text: str, path: Path) -> tuple[Any, dict[Place, int]]:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RosterError(f"{path}:{line}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise RosterError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise RosterError(f"{path}:1: a mapping is needed, with users and maybe defaults")
    lines: dict[Place, int] = {}
    try:
        _note_lines(node, (), lines, path)
    except RecursionError:
        raise RosterError(f"{path}: an anchor refers to itself") from None
    return document, lines


def _note_lines(node: Any, place: Place, lines: dict[Place, int], path: Path) -> None:
    """Line of every field and entry; one that is there twice is refused, where YAML keeps the last."""
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            inner = (*place, str(name.value))
            if inner in lines:
                line = name.start_mark.line + 1
                raise RosterError(f"{path}:{line}: {_path(inner)}: it is there twice")
            lines[inner] = name.start_mark.line + 1
            _note_lines(value, inner, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _note_lines(value, (*place, number), lines, path)
