"""Budgets and durations."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway_lib.config.linting.context import Context
from gateway_lib.config.linting.rule import Places, rule
from gateway_lib.findings import Severity

_DURATION = re.compile(r"[1-9]\d*(?:s|m|h|d|w|mo)|hourly|daily|weekly|monthly")
_IS_BUDGET = re.compile(r"(?:^|_)(?:budget|budget_limit)$")
_IS_DURATION = re.compile(r"(?:^|_)(?:budget_duration|time_period|duration)$")
_PERIODS = {
    "max_budget": "budget_duration",
    "max_internal_user_budget": "internal_user_budget_duration",
}


@rule("budget/not-an-amount", "a budget that is negative, or that is no amount of dollars")
def not_an_amount(context: Context) -> Places:
    for place, key, value in _members(context):
        if not _IS_BUDGET.search(key) or value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            yield (
                place,
                f"`{key}` is not an amount of dollars, 0 or more.",
                "Write a number: 100 is a hundred dollars.",
            )


@rule("budget/zero", "a proxy-wide budget of 0, which LiteLLM takes for no budget at all")
def zero(context: Context) -> Places:
    value = context.section("litellm_settings").get("max_budget")
    if value == 0 and not isinstance(value, bool):
        yield (
            context.at("litellm_settings", "max_budget"),
            "LiteLLM takes a proxy-wide budget of 0 for none: everything would be let through.",
            "Write the amount that may be spent, or remove it.",
        )


@rule("budget/never-renewed", "a budget without a duration: used up once, it is used up for good")
def never_renewed(context: Context) -> Places:
    settings = context.section("litellm_settings")
    for budget, duration in _PERIODS.items():
        if settings.get(budget) and not settings.get(duration):
            yield (
                context.at("litellm_settings", budget),
                f"`{budget}` is never renewed: once it is used up, every call is refused.",
                f"Add `{duration}: 1mo`.",
                Severity.WARNING,
            )


@rule("budget/no-default-for-users", "internal users without any budget", Severity.WARNING)
def no_default_for_users(context: Context) -> Places:
    settings = context.section("litellm_settings")
    if not any(
        settings.get(name) for name in ("max_internal_user_budget", "default_internal_user_params")
    ):
        yield (
            context.at("litellm_settings"),
            "A user made without a budget may spend without end.",
            "Add `max_internal_user_budget` and `internal_user_budget_duration`.",
        )


@rule("duration/unreadable", "a duration that LiteLLM cannot read, or reads otherwise")
def unreadable(context: Context) -> Places:
    for place, key, value in _members(context):
        if not _IS_DURATION.search(key) or value is None:
            continue
        if not isinstance(value, str) or not _DURATION.fullmatch(value.strip().lower()):
            yield (
                place,
                f"`{key}` is not a duration that LiteLLM reads.",
                "Write a number and one of s, m, h, d, w, mo: 30d, 1mo.",
            )


def _members(context: Context) -> Iterator[tuple[tuple[Path, int], str, Any]]:
    """Every member of every mapping below the sections that LiteLLM reads budgets from."""
    for layer in context.layers:
        for section in ("litellm_settings", "router_settings", "general_settings", "model_list"):
            for container, key, value in _walk(layer.content.get(section)):
                if isinstance(key, str):
                    yield (layer.path, layer.line(container, key) or 1), key, value


def _walk(value: Any) -> Iterator[tuple[Any, Hashable, Any]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield value, key, one
            yield from _walk(one)
    elif isinstance(value, list):
        for one in value:
            yield from _walk(one)


RULES = (not_an_amount, zero, never_renewed, no_default_for_users, unreadable)
