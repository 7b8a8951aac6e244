"""`model_max_budget`: what an administrator gives, in either of its forms.

The older one is dollars by model, the newer one has LiteLLM's `budget_limit` and `time_period`, or the names
that its other endpoints have for the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from middleware.budgets.errors import InvalidBudget
from middleware.budgets.money import MOST, PER_DOLLAR, nano
from middleware.budgets.period import Length

FIELD = "model_max_budget"
_LIMITS = ("budget_limit", "max_budget")
_PERIODS = ("time_period", "budget_duration")
# what this gateway adds when it shows a budget: who reads one and sends it back is not to be refused
_SHOWN = frozenset(("spent", "reserved", "resets_at"))
_MOST_MODELS = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """A budget for one model."""

    limit: int
    """Nano-dollars."""
    period: str


def wanted(given: Any, period: str) -> dict[str, Wanted]:
    """The budgets by model; `period` is for those that say none.

    Raises:
        InvalidBudget: it is something else, or has what cannot be honoured.
    """
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidBudget(f"{FIELD} must be an object: dollars by model.")
    if len(given) > _MOST_MODELS:
        raise InvalidBudget(f"{FIELD} may have {_MOST_MODELS} models.")
    return {_name(model): _one(model, value, period) for model, value in given.items()}


def _name(model: str) -> str:
    if not model or model != model.strip() or "," in model or "\0" in model or len(model) > 500:
        raise InvalidBudget(f"{FIELD} has {model[:100]!r}, which is no name of a model.")
    return model


def _one(model: str, value: Any, period: str) -> Wanted:
    if not isinstance(value, dict):
        return Wanted(_amount(model, value), period)
    known = {*_LIMITS, *_PERIODS, *_SHOWN}
    if other := [name for name in value if name not in known and value[name] is not None]:
        raise InvalidBudget(f"{FIELD}[{model!r}] has {other[0]!r}, which is not honoured here.")
    limit = next((value[name] for name in _LIMITS if value.get(name) is not None), None)
    given = next((value[name] for name in _PERIODS if value.get(name) is not None), period)
    return Wanted(_amount(model, limit), Length.parse(given).text)


def _amount(model: str, value: Any) -> int:
    number = value if type(value) in (int, float) else None
    if number is None or not math.isfinite(number) or not 0 <= number <= MOST / PER_DOLLAR:
        raise InvalidBudget(f"{FIELD}[{model!r}] must be dollars, between 0 and a billion.")
    return nano(number)
