"""How LiteLLM writes down what calls cost: what may be put off, and what may not be left out."""

from __future__ import annotations

from gateway_lib.config.linting.context import Context
from gateway_lib.config.linting.rule import Places, rule
from gateway_lib.findings import Severity

_SECONDS = ("proxy_batch_write_at", "proxy_config_reload_interval_seconds")


@rule("spend/not-seconds", "an interval of LiteLLM's jobs that is no whole number of seconds")
def not_seconds(context: Context) -> Places:
    settings = context.section("general_settings")
    for name in _SECONDS:
        value = settings.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            yield (
                context.at("general_settings", name),
                f"`{name}` is not a number of seconds: LiteLLM does not start, or takes another one.",
                "Write a whole number, 1 or more: 60 is a minute.",
            )


@rule(
    "spend/not-logged",
    "a log of spend that is switched off for speed: no call's cost can be looked up",
    Severity.WARNING,
)
def not_logged(context: Context) -> Places:
    if context.section("general_settings").get("disable_spend_logs"):
        yield (
            context.at("general_settings", "disable_spend_logs"),
            "What a call cost is not written down; a benchmark's costs cannot be compared with it.",
            "Remove `disable_spend_logs`.",
        )


@rule(
    "spend/not-reserved",
    "budgets from which nothing is reserved: calls at the same time overspend them",
)
def not_reserved(context: Context) -> Places:
    if context.section("general_settings").get("disable_budget_reservation"):
        yield (
            context.at("general_settings", "disable_budget_reservation"),
            "Calls at the same time are each held to a budget as if they were alone, and overspend it.",
            "Remove `disable_budget_reservation`.",
        )


RULES = (not_seconds, not_logged, not_reserved)
