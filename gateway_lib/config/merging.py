"""How one layer of configuration changes the one below it.

Mappings are merged key by key and anything else is replaced, but for the two lists whose members have names:
a layer's deployments take the place of all of those with the same `model_name`, its guardrails of those with
the same `guardrail_name`, and what is new goes to the end. A layer drops models by name or pattern with
`remove_models`.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

_NAMED = {"model_list": "model_name", "guardrails": "guardrail_name"}


def merged(
    base: Mapping[str, Any], layer: Mapping[str, Any], *, append: bool = False
) -> dict[str, Any]:
    """`base` with `layer` over it; neither is changed.

    Args:
        base: a configuration.
        layer: what differs.
        append: lists are put behind those of the base instead of in their place.
    """
    result = dict(base)
    patterns = layer.get("remove_models")
    if unwanted := [str(one) for one in patterns] if isinstance(patterns, list) else []:
        result["model_list"] = [
            entry
            for entry in _list(result.get("model_list"))
            if not any(fnmatchcase(str(_name(entry, "model_name")), one) for one in unwanted)
        ]
    for key, value in layer.items():
        if key == "remove_models":
            continue
        if key in _NAMED and isinstance(value, list):
            result[key] = _by_name(_list(result.get(key)), value, _NAMED[key])
        else:
            result[key] = _value(result.get(key), value, append)
    return result


def _value(known: Any, value: Any, append: bool) -> Any:
    if isinstance(known, Mapping) and isinstance(value, Mapping):
        inner = dict(known)
        for key, one in value.items():
            inner[key] = _value(inner.get(key), one, append)
        return inner
    if append and isinstance(known, list) and isinstance(value, list):
        return known + [one for one in value if one not in known]
    return value


def _by_name(known: list[Any], given: list[Any], key: str) -> list[Any]:
    """The given entries where their namesakes stood, the new ones behind."""
    names = {_name(entry, key) for entry in given}
    kept: list[Any] = []
    placed: set[str | None] = set()
    for entry in known:
        name = _name(entry, key)
        if name not in names:
            kept.append(entry)
        elif name not in placed:
            placed.add(name)
            kept += [one for one in given if _name(one, key) == name]
    return kept + [one for one in given if _name(one, key) not in placed]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _name(entry: Any, key: str) -> str | None:
    name = entry.get(key) if isinstance(entry, Mapping) else None
    return None if name is None else str(name)
