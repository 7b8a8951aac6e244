"""Budgets and durations."""

from __future__ import annotations

from .fault import Fault, base, setting

FAULTS = [
    Fault(
        "a budget below nothing",
        "budget/not-an-amount",
        setting("litellm_settings", "  max_budget: -1 !!\n  budget_duration: 1mo\n"),
        "Write a number",
    ),
    Fault(
        "a budget in words",
        "budget/not-an-amount",
        setting("litellm_settings", "  max_budget: 100 dollars !!\n  budget_duration: 1mo\n"),
        "Write a number",
    ),
    Fault(
        "a budget of nothing",
        "budget/zero",
        setting("litellm_settings", "  max_budget: 0 !!\n"),
        "Write the amount",
    ),
    Fault(
        "a budget once and for all",
        "budget/never-renewed",
        setting("litellm_settings", "  max_budget: 100 !!\n"),
        "budget_duration: 1mo",
    ),
    Fault(
        "users without a budget",
        "budget/no-default-for-users",
        base(("litellm_settings:\n  max_internal_user_budget: 100\n", "litellm_settings: !!\n")),
        "max_internal_user_budget",
    ),
    Fault(
        "a duration in words",
        "duration/unreadable",
        base(("internal_user_budget_duration: 1mo", "internal_user_budget_duration: one month !!")),
        "30d, 1mo",
    ),
    Fault(
        "a duration without a unit",
        "duration/unreadable",
        base(("internal_user_budget_duration: 1mo", "internal_user_budget_duration: 30 !!")),
        "30d, 1mo",
    ),
]
