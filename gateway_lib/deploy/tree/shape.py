"""Whether a manifest has the keys and the values that its model knows."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway_lib.deploy.tree.models.base import Known
from gateway_lib.deploy.tree.nodes import Map, child, line_at, written
from gateway_lib.deploy.tree.report import Report
from gateway_lib.deploy.tree.rule import rule

UNKNOWN = rule(
    "key/unknown",
    "Every key, at any depth, is one that Copilot knows there. It drops others without a word.",
)
UNCHECKED = rule(
    "key/unchecked",
    "Keys of Copilot's that this validator has no rules for (`nlb`, `publish`, `taskdef_overrides` and what"
    " other types of service have) are not used.",
)
VALUE = rule("key/value", "Every value is of the kind that Copilot takes for its key.")

_UNCHECKED = frozenset({"nlb", "publish", "taskdef_overrides", "subscribe"})


def check_shape(model: type[BaseModel], document: Map, path: Path, report: Report) -> None:
    """Put every key and value that the model does not take into the report."""
    known: Known = {}
    try:
        model.model_validate(document, context=known)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False, include_context=False):
            _tell(one["loc"], one["type"], one["msg"], document, known, path, report)


def nearest(word: str, words: Iterable[str]) -> str:
    """What is near enough to a word to be meant, else nothing."""
    return next(iter(get_close_matches(word, list(words), n=1, cutoff=0.6)), "")


def close(word: str, words: Iterable[str]) -> str:
    """` (did you mean `x`?)` where something is near enough, else nothing."""
    near = nearest(word, words)
    return f" (did you mean `{near}`?)" if near else ""


def _tell(
    loc: tuple[str | int, ...],
    kind: str,
    message: str,
    document: Map,
    known: Known,
    path: Path,
    report: Report,
) -> None:
    place, value = _real(loc, document)
    line, name = line_at(document, *place), written(place)
    if kind != "extra_forbidden":
        told = message[0].lower() + message[1:]
        mend = "Write a value of that kind; one that is put in from `${VARIABLE}` is always text."
        report.add(VALUE, path, line, f"`{name}`: {told}.", mend, name)
        return
    key, names = str(place[-1]), known.get(id(value), [])
    if key in _UNCHECKED:
        problem = f"`{name}` is not covered by this validator, or not allowed here."
        report.add(UNCHECKED, path, line, problem, "Do without it.", name)
        return
    near = nearest(key, names)
    mend = f"Write `{near}`." if near else f"Known here: {', '.join(sorted(names))}."
    problem = f"Copilot knows no `{name}` and would drop it silently{close(key, names)}."
    report.add(UNKNOWN, path, line, problem, mend, name)


def _real(loc: tuple[str | int, ...], document: Map) -> tuple[tuple[str | int, ...], Any]:
    """The place without the words that pydantic adds for unions, and the mapping around its end."""
    place: list[str | int] = []
    value: Any = document
    for number, part in enumerate(loc):
        try:
            inner = child(value, part)
        except KeyError:
            continue
        place.append(part)
        if number == len(loc) - 1:
            break
        value = inner
    return tuple(place), value
