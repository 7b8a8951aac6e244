"""The library's histogram without its locks: the service counts in its event loop, some of it per request."""

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
