"""Those who wait, in the order in which they go: the lowest number first, and within one number the first."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections import OrderedDict

Waiter = asyncio.Future[bool]
"""Its result is whether the slot was granted; it is cancelled when its caller leaves."""


class Waiting:
    """A queue with priorities, out of which anybody can go at any time.

    A level holds its waiters in their order, and the levels that are not empty stand in a sorted list: a
    binary search per operation, and nothing left behind by those who leave, however many do.
    """

    __slots__ = ("_levels", "_order", "_size")

    def __init__(self) -> None:
        self._levels: dict[int, OrderedDict[Waiter, None]] = {}
        self._order: list[int] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def worst(self) -> int:
        """The highest number that somebody waits with. There must be somebody."""
        return self._order[-1]

    def add(self, priority: int, waiter: Waiter) -> None:
        """Put a waiter behind all who have the same priority."""
        level = self._levels.get(priority)
        if level is None:
            level = self._levels[priority] = OrderedDict()
            insort(self._order, priority)
        level[waiter] = None
        self._size += 1

    def remove(self, priority: int, waiter: Waiter) -> None:
        """Take a waiter out. Nothing happens where he is out already."""
        level = self._levels.get(priority)
        if level is not None and waiter in level:
            del level[waiter]
            self._taken(priority, level)

    def first(self) -> Waiter:
        """Take out whoever goes next. There must be somebody."""
        return self._take(self._order[0], last=False)

    def last(self) -> Waiter:
        """Take out whoever would go last of all. There must be somebody."""
        return self._take(self._order[-1], last=True)

    def _take(self, priority: int, *, last: bool) -> Waiter:
        level = self._levels[priority]
        waiter, _ = level.popitem(last=last)
        self._taken(priority, level)
        return waiter

    def _taken(self, priority: int, level: OrderedDict[Waiter, None]) -> None:
        self._size -= 1
        if not level:
            del self._levels[priority]
            del self._order[bisect_left(self._order, priority)]
