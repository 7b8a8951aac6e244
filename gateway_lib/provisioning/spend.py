"""What users have spent of their budgets, as the gateway tells it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gateway_lib.clients import AdminClient
from gateway_lib.provisioning.live import read_user
from gateway_lib.provisioning.verify import Check

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("user", "model", "spend_usd", "budget_usd", "period", "resets_at")
UNLIMITED_USD = 1e9
"""Budgets from here on are LiteLLM's way to say "none" (`max_internal_user_budget`)."""


def spend(admin: AdminClient, user_ids: Iterable[str]) -> pd.DataFrame:
    """Spend and budget in dollars: a row per user, then one per model that has a budget of its own.

    `model` is empty for a user as a whole, `budget_usd` where there is none. What is spent counts from the
    beginning of the current period. On a model it is empty where the gateway does not tell it, and LiteLLM
    by itself, without the middleware, rounds it to a hundredth of a cent.
    """
    import pandas as pd

    rows = [row for user_id in user_ids for row in _rows(admin, user_id)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"spend_usd": float, "budget_usd": float})


def _rows(admin: AdminClient, user_id: str) -> Iterator[dict[str, Any]]:
    if read_user(admin, user_id) is None:
        return
    told: Mapping[str, Any] = admin.get("/user/info", user_id=user_id)["user_info"]
    budgets, usages = told.get("model_max_budget") or {}, told.get("model_max_budget_usage") or {}
    budget = told.get("max_budget")
    yield {
        "user": user_id,
        "model": "",
        "spend_usd": told.get("spend") or 0.0,
        "budget_usd": None if budget is None or budget >= UNLIMITED_USD else budget,
        "period": told.get("budget_duration") or "",
        "resets_at": told.get("budget_reset_at") or "",
    }
    for model, given in budgets.items():
        budget = given if isinstance(given, Mapping) else {"budget_limit": given}
        usage = usages.get(model) or {}
        yield {
            "user": user_id,
            "model": model,
            "spend_usd": budget.get("spent", usage.get("current_spend")),
            "budget_usd": budget.get("budget_limit", budget.get("max_budget")),
            "period": budget.get("time_period") or budget.get("budget_duration") or "",
            "resets_at": str(budget.get("resets_at") or ""),
        }


def wait_for_booking(
    admin: AdminClient, checks: Iterable[Check], *, timeout_s: float = 30.0
) -> float:
    """Wait until the gateway has booked what was just spent; it does so in batches.

    Args:
        admin: Client of the admin API.
        checks: What was spent on them is waited for.
        timeout_s: Seconds to wait at most, for all of them together.

    Returns:
        How many seconds it took.
    """
    start = time.monotonic()
    costs: dict[str, float] = {}
    for check in checks:
        costs[check.user_id] = costs.get(check.user_id, 0.0) + check.cost_usd
    for user_id, cost in costs.items():
        left = timeout_s - (time.monotonic() - start)
        if cost > 0 and left > 0:
            admin.wait_for_spend(user_id, cost, timeout_s=left)
    return time.monotonic() - start
