"""How spend is written down."""

from __future__ import annotations

from .fault import Fault, setting

FAULTS = [
    Fault(
        "spend that is written at no time",
        "spend/not-seconds",
        setting("general_settings", "  proxy_batch_write_at: 0 !!\n"),
        "60 is a minute",
    ),
    Fault(
        "models that are read again in words",
        "spend/not-seconds",
        setting("general_settings", "  proxy_config_reload_interval_seconds: 5m !!\n"),
        "60 is a minute",
    ),
    Fault(
        "spend that is not logged",
        "spend/not-logged",
        setting("general_settings", "  disable_spend_logs: true !!\n"),
        "Remove `disable_spend_logs`",
    ),
    Fault(
        "budgets that are not reserved from",
        "spend/not-reserved",
        setting("general_settings", "  disable_budget_reservation: true !!\n"),
        "Remove `disable_budget_reservation`",
    ),
]
