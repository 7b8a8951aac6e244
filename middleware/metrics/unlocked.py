"""The library's instruments without their locks: whatever a request counts is counted in the event loop."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import prometheus_client


class Histogram(prometheus_client.Histogram):
    """One that a single thread observes."""

    _sum: Any
    _buckets: Any

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Count a value, where the library walks through the buckets and takes a lock for each addition."""
        self._buckets[bisect_left(self._upper_bounds, amount)]._value += 1
        self._sum._value += amount


class Counter(prometheus_client.Counter):
    """One that a single thread increases."""

    _value: Any

    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        """Add a value, which is never negative."""
        self._value._value += amount
