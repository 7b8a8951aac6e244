"""The failure matrix as the documentation has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).resolve().parents[1] / "docs" / "failures.yaml"
_WAYS = {
    "openai": ("chat", "chat stream"),
    "bedrock": ("converse", "converse stream"),
    "all": ("chat", "chat stream", "converse", "converse stream"),
}
_STREAMS = "within a stream", "in the middle of a stream"

ROWS: list[dict[str, Any]] = [
    {"group": group["group"], **row}
    for group in yaml.safe_load(_FILE.read_text())["groups"]
    for row in group["rows"]
]
"""Each row, with the name of its group."""


def ways_of(row: dict[str, Any]) -> tuple[str, ...]:
    """The ways in that a row speaks of."""
    streamed = any(word in row["what"] for word in _STREAMS)
    return tuple(way for way in _WAYS["all"] if "stream" in way or not streamed)


def references(row: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """`tests` or `long`, the ways in, and the test that proves the row for them."""
    for kind in ("tests", "long"):
        for whose, tests in row.get(kind, {}).items():
            for one in tests:
                yield kind, _WAYS.get(whose, (whose,)), one


def proves(nodeid: str) -> bool:
    """Whether a test is one that a row refers to."""
    return nodeid in _REFERRED or nodeid.partition("[")[0] in _REFERRED


_REFERRED = frozenset(one for row in ROWS for _, _, one in references(row))
