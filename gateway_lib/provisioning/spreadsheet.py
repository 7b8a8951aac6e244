"""A roster as a CSV file: a row per user, several values in a cell set apart by `;`."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway_lib.errors import RosterError

_TEXTS = ("id", "email", "alias", "team", "budget_duration")
_NUMBERS = ("max_budget", "tpm_limit", "rpm_limit", "max_parallel_requests")
_PER_MODEL = ("model_rpm_limit", "model_tpm_limit")
COLUMNS = (
    *_TEXTS,
    *_NUMBERS,
    "models",
    *_PER_MODEL,
    "model_max_budget",
    "metadata",
    "keys",
    "key_duration",
    "key_expires",
    "key_rotate",
)
"""`models` and `keys` (aliases) are lists; `model_...` and `metadata` hold `name=value`.

`model_max_budget` holds `model=dollars` or `model=dollars/period`. The three `key_...` are of every
key of the row. An empty cell leaves the field out; `none` in a number's cell is YAML's null.
"""

Place = tuple[str | int, ...]


def read_rows(text: str, path: Path) -> tuple[dict[str, Any], dict[Place, int]]:
    """The document that a YAML roster would hold, and the lines of its users.

    Raises:
        RosterError: A column is unknown or missing, or a cell cannot be read.
    """
    rows = csv.DictReader(
        io.StringIO(text, newline=""), restkey="", strict=True, skipinitialspace=True
    )
    try:
        columns = [(name or "").strip() for name in rows.fieldnames or ()]
        _check_columns(columns, path)
        rows.fieldnames = columns
        users: list[dict[str, Any]] = []
        lines: dict[Place, int] = {}
        for row in rows:
            where = f"{path}:{rows.line_num}"
            if not any(isinstance(cell, str) and cell.strip() for cell in row.values()):
                continue
            if "" in row or None in row.values():
                raise RosterError(f"{where}: it has not as many cells as there are columns")
            lines["users", len(users)] = rows.line_num
            users.append(_user(row, where))
    except csv.Error as error:
        raise RosterError(f"{path}:{rows.line_num}: not CSV: {error}") from None
    return {"users": users}, lines


def _check_columns(columns: list[str], path: Path) -> None:
    for name in columns:
        if name not in COLUMNS:
            raise RosterError(f"{path}:1: no such column: {name!r}; there are {', '.join(COLUMNS)}")
        if columns.count(name) > 1:
            raise RosterError(f"{path}:1: column {name} is there twice")
    if "id" not in columns:
        raise RosterError(f"{path}:1: the column id is missing")


def _user(row: Mapping[str, str], where: str) -> dict[str, Any]:
    cells = {name: cell.strip() for name, cell in row.items() if cell.strip()}
    user: dict[str, Any] = {name: cells[name] for name in _TEXTS if name in cells}
    user |= {name: _number(cells[name]) for name in _NUMBERS if name in cells}
    if user.get("budget_duration") == "none":
        user["budget_duration"] = None
    if "models" in cells:
        user["models"] = _list(cells["models"])
    for name in (*_PER_MODEL, "metadata"):
        if name in cells:
            user[name] = _pairs(cells[name], f"{where}: {name}")
    if "model_max_budget" in cells:
        budgets = _pairs(cells["model_max_budget"], f"{where}: model_max_budget")
        user["model_max_budget"] = {model: _budget(text) for model, text in budgets.items()}
    if "keys" in cells:
        about = {
            name.removeprefix("key_"): cells[name]
            for name in ("key_duration", "key_expires", "key_rotate")
            if name in cells
        }
        if about.get("rotate") in ("true", "false"):
            about["rotate"] = about["rotate"] == "true"  # type: ignore[assignment]
        user["keys"] = [{"alias": alias, **about} for alias in _list(cells["keys"])]
    return user


def _number(cell: str) -> str | None:
    return None if cell.lower() in ("none", "null") else cell


def _list(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def _pairs(cell: str, where: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in _list(cell):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not name or name in pairs:
            raise RosterError(f"{where}: name=value is needed, each name once, not {part!r}")
        pairs[name] = value
    return pairs


def _budget(text: str) -> dict[str, str] | str:
    dollars, slash, period = text.partition("/")
    return {"budget_limit": dollars.strip(), "time_period": period.strip()} if slash else text
