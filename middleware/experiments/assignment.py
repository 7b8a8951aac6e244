"""Who gets which arm: keyed hashes, so that any replica says the same, now and after a restart.

A hash places a unit in a layer, from 0 to 1; an experiment takes those of a range. Another hash, independent
of it, chooses the arm. So a ramp that grows the range moves nobody, two experiments of one layer share no
unit, and those of two layers know nothing of each other.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from middleware.auth import Identity
from middleware.experiments.definition import Arm

_TOLERANCE = 1e-9
Range = tuple[float, float]
"""Where a part of a layer begins, and how large it is."""


class Author(NamedTuple):
    """Hashes of a key, and of the user whose key it is."""

    by_key: str
    by_user: str | None


class Assigner:
    """Places units by a secret that all replicas have."""

    def __init__(self, secret: bytes) -> None:
        self._keyed = hmac.new(secret, digestmod=hashlib.sha256)

    def unit(self, kind: str, identifier: str) -> str:
        """The only name by which a unit is written down: 16 hexadecimal digits."""
        return self._hash("unit", kind, identifier).hex()[:16]

    def author(self, identity: Identity) -> Author:
        """By what a caller is known again; nothing of it tells his unit."""
        user_id = identity.user_id
        return Author(
            self.unit("by key", identity.key_hash),
            None if user_id is None else self.unit("by user", user_id),
        )

    def place(self, layer: str, unit: str) -> float:
        """Where in a layer a unit is, from 0 to less than 1."""
        return self._uniform("layer", layer, unit)

    def arm(self, arms: Sequence[Arm], name: str, version: int, unit: str) -> Arm:
        """The arm of a unit in a version of an experiment, by the arms' weights."""
        total = sum(arm.weight for arm in arms)
        rest = self._uniform("arm", f"{name}:{version}", unit) * total
        for arm in arms:
            rest -= arm.weight
            if rest < 0:
                return arm
        return arms[-1]

    def _uniform(self, *parts: str) -> float:
        # 53 bits, which a float holds: of 64 the largest would become 1
        return int.from_bytes(self._hash(*parts)[:8]) // 2**11 / 2**53

    def _hash(self, *parts: str) -> bytes:
        keyed = self._keyed.copy()
        keyed.update("\0".join(parts).encode())
        return keyed.digest()


def free_range(taken: Iterable[Range], size: float) -> float | None:
    """Where the first gap of a layer begins that has room for `size`; None where there is none."""
    begin = 0.0
    for start, length in sorted(taken):
        if start - begin >= size - _TOLERANCE:
            return begin
        begin = max(begin, start + length)
    return begin if 1 - begin >= size - _TOLERANCE else None
