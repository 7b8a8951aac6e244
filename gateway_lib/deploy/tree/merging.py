"""A manifest as one environment sees it: `environments.<name>` laid over the rest."""

from __future__ import annotations

from typing import Any

from gateway_lib.deploy.tree.nodes import Map, get

_EXCLUSIVE = {
    "image": ("build", "location"),
    "count": ("spot", "range"),
}


def for_environment(manifest: Map, environment: str) -> Map:
    """The manifest with an environment's overrides, lines kept.

    Maps are merged, lists and plain values replaced, null changes nothing. Of keys that exclude each other
    the override's one wins.
    """
    over = get(manifest, "environments", environment)
    base = Map(manifest.line)
    for key, value in manifest.items():
        if key != "environments":
            base.put(key, value, manifest.line_of(key))
    return _laid_over(base, over, "") if isinstance(over, Map) else base


def _laid_over(base: Map, over: Map, name: str) -> Map:
    made = Map(base.line)
    first, second = _EXCLUSIVE.get(name, ("", ""))
    gone = {second} if first in over else {first} if second in over else set()
    for key, value in base.items():
        if key not in gone:
            made.put(key, value, base.line_of(key))
    for key, value in over.items():
        if value is None and key in made:
            continue
        below: Any = made.get(key)
        if isinstance(below, Map) and isinstance(value, Map):
            made.put(key, _laid_over(below, value, key), made.line_of(key))
        else:
            made.put(key, value, over.line_of(key))
    return made
