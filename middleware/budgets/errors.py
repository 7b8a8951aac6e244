"""Why a call is not made on account of a budget.

::

    ServiceError
    ├── BudgetExceeded        429  what the call may cost does not fit into what is left
    ├── BudgetsUnavailable    503  what is left is not known now, so nothing may be spent
    ├── CostUnknown           400  nobody can say what the call may cost at most
    ├── RouteNotBudgeted      403  the path is not one on which a budget can be kept
    └── InvalidBudget         400  `model_max_budget` is not what it should be
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from middleware.errors import Forbidden, InvalidRequest, ServiceError


class BudgetExceeded(ServiceError):
    """What the call may cost does not fit into what is left."""

    status = 429
    code = "budget_exceeded"
    kind = "budget_exceeded"


class BudgetsUnavailable(ServiceError):
    """What is left is not known now. A call that might be one too many is not made."""

    status = 503
    code = "budgets_unavailable"
    standard = (
        "This caller has a budget for the model, and what is left of it cannot be told now. "
        "Try again shortly."
    )
    standard_headers: ClassVar[Mapping[str, str]] = {"retry-after": "1"}


class CostUnknown(InvalidRequest):
    """Nobody can say what the call may cost at most."""

    code = "cost_unknown"


class RouteNotBudgeted(Forbidden):
    """The path is not one on which a budget can be kept."""

    code = "route_not_budgeted"
    standard = (
        "Callers with a budget for a model may not use this path: the gateway cannot tell which model "
        "is called here, or what it may cost."
    )


class InvalidBudget(InvalidRequest):
    """`model_max_budget` is not what it should be."""

    code = "invalid_model_max_budget"
