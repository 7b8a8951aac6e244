"""Packages whose names are imported when they are used, so that nobody pays for what he does not use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

Facade = tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]


def facade(package: str, of: Mapping[str, Sequence[str]]) -> Facade:
    """`__getattr__`, `__dir__` and `__all__` of a package (PEP 562).

    Args:
        package: Its `__name__`.
        of: Module within it -> the names that are taken from there.
    """
    where = {name: module for module, names in of.items() for name in names}
    every = sorted(where)

    def get(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{where[name]}"), name)

    return get, lambda: every, every
