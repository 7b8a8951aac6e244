"""Deployments: whether LiteLLM knows the model, what it costs, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from gateway_lib.config import prices
from gateway_lib.config.linting import known
from gateway_lib.config.linting.context import Context, Deployment
from gateway_lib.config.linting.rule import Places, meant, rule
from gateway_lib.findings import Severity

_COSTS = (
    "input_cost_per_token",
    "output_cost_per_token",
    "input_cost_per_second",
    "output_cost_per_second",
    "input_cost_per_query",
    "input_cost_per_character",
    "output_cost_per_image",
    "input_cost_per_image",
    "cost_per_second",
    "ocr_cost_per_page",
)


@rule("model/unknown-provider", "a provider that LiteLLM does not have")
def unknown_provider(context: Context) -> Places:
    for one in context.deployments():
        if one.provider not in known.providers() and "*" not in one.model:
            close = meant(one.provider, known.providers())
            yield (
                context.within(one.params, "model"),
                f"LiteLLM has no provider `{one.provider}`.",
                f"Write `{close}/...`." if close else "Write `provider/id`, as in LiteLLM's list.",
            )


@rule(
    "model/unknown", "a model id that LiteLLM's table does not have: misspelt, retired or very new"
)
def unknown(context: Context) -> Places:
    for one in context.deployments():
        if _is_known(one) or one.provider not in known.providers() or _has_price(one):
            continue
        names = [key for key in prices.table() if key.startswith(f"{one.provider}/")]
        names += [
            f"{one.provider}/{key}"
            for key, row in prices.table().items()
            if "/" not in key and str(row.get("litellm_provider")).startswith(one.provider)
        ]
        close = meant(one.model, names)
        yield (
            context.within(one.params, "model"),
            f"LiteLLM knows no model `{one.model}`: neither its price nor what it can do.",
            (f"Write `{close}`, or where" if close else "Where")
            + " the id is right, state `input_cost_per_token`, `output_cost_per_token` and"
            " `model_info: {max_input_tokens: ..., max_output_tokens: ...}`.",
        )


@rule("model/no-price", "a known model without a price: every call would be booked at 0 dollars")
def no_price(context: Context) -> Places:
    for one in context.deployments():
        if _is_known(one) and not _has_price(one):
            yield (
                context.within(one.params, "model"),
                f"LiteLLM has no price for `{one.model}`: calls would be booked at 0 dollars and"
                " no budget would ever be used up.",
                "State `input_cost_per_token` and `output_cost_per_token` in `litellm_params`.",
            )


@rule(
    "model/retired", "a model that its provider has withdrawn, by LiteLLM's table", Severity.WARNING
)
def retired(context: Context) -> Places:
    for one in context.deployments():
        until = _row(one).get("deprecation_date")
        if not isinstance(until, str):
            continue
        try:
            gone = date.fromisoformat(until) <= context.today
        except ValueError:
            continue
        if gone:
            yield (
                context.within(one.params, "model"),
                f"The provider withdrew `{one.model}` on {until}.",
                "Name a model that is still served.",
            )


@rule("model/duplicate", "the same deployment twice under one name: it weighs double for nothing")
def duplicate(context: Context) -> Places:
    seen: dict[str, int] = {}
    for one in context.deployments():
        key = repr((one.name, sorted((str(k), repr(v)) for k, v in one.params.items())))
        place = context.within(one.entry)
        if key in seen:
            yield (
                place,
                f"`{one.name}` is deployed the same way at line {seen[key]}; LiteLLM would give it"
                " twice the traffic and count its limits twice.",
                "Remove one, or give it what makes it another: region, key, endpoint.",
            )
        seen.setdefault(key, place[1])


def _row(one: Deployment) -> Mapping[str, Any]:
    base = one.info.get("base_model")
    return (prices.row(str(base)) if base else None) or prices.row(one.model) or {}


def _is_known(one: Deployment) -> bool:
    return bool(_row(one)) or "*" in one.model


def _has_price(one: Deployment) -> bool:
    if "*" in one.model:
        return True
    if any(_number(place.get(cost)) for place in (one.params, one.info) for cost in _COSTS):
        return True
    row = _row(one)
    return any(value for key, value in row.items() if "cost" in key and _number(value)) or (
        row.get("mode") not in (None, "chat", "completion", "responses", "embedding")
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


RULES = (unknown_provider, unknown, no_price, retired, duplicate)
