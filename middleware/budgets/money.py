"""Dollars as whole numbers of nano-dollars, which can be added up without an error anywhere."""

from __future__ import annotations

import math

PER_DOLLAR = 10**9
MOST = 10**9 * PER_DOLLAR
"""The largest amount: a billion dollars."""
_NOISE = 1e-3
"""What a product of floats may be off by, in nano-dollars."""


def nano(dollars: float) -> int:
    """Whole nano-dollars, never less than `dollars`, and at most `MOST`."""
    if not dollars < MOST / PER_DOLLAR:
        return MOST
    return max(0, math.ceil(dollars * PER_DOLLAR - _NOISE))


def dollars(amount: int) -> float:
    return amount / PER_DOLLAR


def shown(amount: int) -> str:
    """An amount for people: `$0.25`, `$0.000045`."""
    text = f"{amount / PER_DOLLAR:.9f}".rstrip("0")
    whole, _, rest = text.partition(".")
    return f"${whole}.{rest:0<2}" if rest else f"${whole}.00"
