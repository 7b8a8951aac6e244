"""Settings that LiteLLM does not know, at any depth."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from typing import Any

from gateway_lib.config.linting import known
from gateway_lib.config.linting.context import Context
from gateway_lib.config.linting.rule import Places, meant, rule
from gateway_lib.findings import Severity

_CLOSED: dict[tuple[str, ...], Callable[[], Collection[str]]] = {
    ("litellm_settings",): known.litellm_settings,
    ("litellm_settings", "cache_params"): known.cache_params,
    ("litellm_settings", "s3_callback_params"): known.s3_callback_params,
    ("router_settings",): known.router_settings,
    ("router_settings", "cache_kwargs"): known.cache_params,
    ("general_settings",): known.general_settings,
}
"""Mappings of which every key is known."""

_ENTRY = frozenset({"model_name", "litellm_params", "model_info", "tpm", "rpm", "order"})
_GUARDRAIL = frozenset({"guardrail_name", "litellm_params", "guardrail_info", "guardrail_id"})
_ELSEWHERE = {
    "fallbacks": "router_settings",
    "routing_strategy": "router_settings",
    "enable_pre_call_checks": "router_settings",
    "master_key": "general_settings",
    "database_url": "general_settings",
    "store_model_in_db": "general_settings",
    "drop_params": "litellm_settings",
    "cache": "litellm_settings",
    "success_callback": "litellm_settings",
    "max_budget": "litellm_settings",
}
"""Settings that are often put into the wrong section."""


@rule("settings/unknown", "a setting that LiteLLM does not have, and so ignores; misspelt ones")
def unknown(context: Context) -> Places:
    for path, names in _CLOSED.items():
        value: Any = context.config
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        for key in value if isinstance(value, Mapping) else ():
            if key not in names():
                yield (
                    context.at(*path, key),
                    f"LiteLLM has no setting `{key}` in `{'.'.join(path)}` and ignores it.",
                    _mend(str(key), names(), path[0]),
                )
    for mapping, key, allowed in _entries(context):
        if key not in allowed:
            yield (
                context.within(mapping, key),
                f"LiteLLM does not read `{key}` here.",
                _mend(str(key), allowed, ""),
            )


@rule(
    "settings/misspelt-parameter",
    "a parameter of a deployment or guardrail that is nearly one that LiteLLM knows",
)
def misspelt_parameter(context: Context) -> Places:
    for mapping, key, allowed in _open(context):
        if key not in allowed and (close := meant(key, allowed)):
            yield (
                context.within(mapping, key),
                f"LiteLLM does not know `{key}` and would send it to the provider as it is.",
                f"Write `{close}`.",
            )


@rule(
    "settings/unknown-parameter",
    "a parameter of a deployment that neither LiteLLM nor its code for providers reads",
    Severity.WARNING,
)
def unknown_parameter(context: Context) -> Places:
    for deployment in context.deployments():
        for key in deployment.params:
            allowed = known.litellm_params()
            if key not in allowed and not meant(key, allowed):
                yield (
                    context.within(deployment.params, key),
                    f"LiteLLM does not know `{key}` and sends it to the provider as it is.",
                    "Remove it, unless the provider has such a parameter.",
                )


@rule("settings/not-a-mapping", "a section or entry that is not what LiteLLM needs there")
def not_a_mapping(context: Context) -> Places:
    for section in ("litellm_settings", "router_settings", "general_settings"):
        value = context.config.get(section)
        if value is not None and not isinstance(value, Mapping):
            yield (
                context.at(section),
                f"`{section}` is not a mapping.",
                "Write `name: value` lines.",
            )
    for section in ("model_list", "guardrails", "remove_models"):
        for layer in context.layers:
            found = layer.find(section)
            if found and found[0] is not None and not isinstance(found[0], list):
                yield (
                    (layer.path, found[1]),
                    f"`{section}` is not a list.",
                    "Begin each entry with `- `.",
                )
    for entry in context.entries("model_list"):
        params = entry.get("litellm_params")
        if not entry.get("model_name"):
            yield (
                context.within(entry),
                "A deployment has no `model_name`, by which callers would name it.",
                "Add `model_name:`.",
            )
        if not isinstance(params, Mapping) or not params.get("model"):
            yield (
                context.within(entry),
                "A deployment does not say which model to call.",
                "Add `litellm_params: {model: provider/id}`.",
            )


def _mend(key: str, allowed: Collection[str], section: str) -> str:
    if key in _ELSEWHERE and _ELSEWHERE[key] != section and section:
        return f"Move it to `{_ELSEWHERE[key]}`."
    close = meant(key, allowed)
    return f"Write `{close}`." if close else "Remove it."


def _entries(context: Context) -> Iterator[tuple[Mapping[str, Any], Hashable, Collection[str]]]:
    for section, allowed in (("model_list", _ENTRY), ("guardrails", _GUARDRAIL)):
        for entry in context.entries(section):
            for key in entry:
                yield entry, key, allowed


def _open(context: Context) -> Iterator[tuple[Mapping[str, Any], Hashable, Collection[str]]]:
    for deployment in context.deployments():
        for key in deployment.params:
            yield deployment.params, key, known.litellm_params()
        for key in deployment.info:
            yield deployment.info, key, known.model_info()
    for entry in context.entries("guardrails"):
        params = entry.get("litellm_params")
        for key in params if isinstance(params, Mapping) else ():
            yield params, key, known.guardrail_params()  # type: ignore[misc]


RULES = (unknown, misspelt_parameter, unknown_parameter, not_a_mapping)
