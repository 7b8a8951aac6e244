"""What a path means, remembered: each request asks for it, and callers can make up any number of paths."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Generic, TypeVar

T = TypeVar("T")
MOST, LONGEST = 1024, 256
"""Paths that are remembered, and characters of one that is."""


class Remembered(Generic[T]):
    """A function of a path, which is asked once for a path, and each time for a long one."""

    def __init__(self, function: Callable[[str], T]) -> None:
        self._function = function
        self.known = lru_cache(maxsize=MOST)(function)

    def __call__(self, path: str) -> T:
        return self.known(path) if len(path) <= LONGEST else self._function(path)
