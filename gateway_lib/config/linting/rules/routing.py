"""Routing: weights and limits that something reads, and fallbacks that lead somewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from gateway_lib.config.linting import known
from gateway_lib.config.linting.context import Context, Deployment
from gateway_lib.config.linting.rule import Places, meant, rule
from gateway_lib.findings import Severity

_SIMPLE = "simple-shuffle"
_ENFORCING = "enforce_model_rate_limits"
FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


@rule("routing/unknown-strategy", "a routing strategy that LiteLLM does not have")
def unknown_strategy(context: Context) -> Places:
    strategy = context.section("router_settings").get("routing_strategy")
    if strategy is not None and strategy not in known.strategies():
        close = meant(strategy, known.strategies()) or _SIMPLE
        yield (
            context.at("router_settings", "routing_strategy"),
            f"LiteLLM has no strategy `{strategy}`.",
            f"Write `{close}`.",
        )


@rule("routing/weight-ignored", "weights under a strategy that does not read them")
def weight_ignored(context: Context) -> Places:
    strategy = context.section("router_settings").get("routing_strategy", _SIMPLE)
    if strategy == _SIMPLE:
        return
    for _, arms in _groups(context):
        for one in [arm for arm in arms if "weight" in arm.params][:1]:
            yield (
                context.within(one.params, "weight"),
                f"`{strategy}` does not read weights: the deployments of `{one.name}` would share"
                " the traffic by other rules.",
                f"Set `routing_strategy: {_SIMPLE}`, or remove the weights.",
            )


@rule("routing/weight-misplaced", "a weight outside `litellm_params`, where nothing reads it")
def weight_misplaced(context: Context) -> Places:
    for one in context.deployments():
        for place in (one.entry, one.info):
            if "weight" in place:
                yield (
                    context.within(place, "weight"),
                    f"LiteLLM reads no weight here, so that `{one.name}` has none.",
                    "Move `weight` into `litellm_params`.",
                )


@rule("routing/weight-on-one-arm", "a weight on some deployments of a name but not on all")
def weight_on_one_arm(context: Context) -> Places:
    for name, arms in _groups(context):
        weighted = [one for one in arms if "weight" in one.params]
        if len(arms) > 1 and 0 < len(weighted) < len(arms):
            bare = next(one for one in arms if "weight" not in one.params)
            yield (
                context.within(bare.entry),
                f"Some deployments of `{name}` have a weight and this one has none: it would get"
                " no traffic at all.",
                "Give every deployment of the name a `weight`.",
            )


@rule("routing/weight-not-a-number", "a weight that is negative, or that is no number")
def weight_not_a_number(context: Context) -> Places:
    for one in context.deployments():
        weight = one.params.get("weight", 1)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or weight < 0:
            yield (
                context.within(one.params, "weight"),
                "A weight is a number of shares, 0 or more.",
                "Write a number: 9 and 1 are 90 and 10 per cent.",
            )


@rule("routing/limits-not-enforced", "rpm or tpm of deployments that nothing checks before a call")
def limits_not_enforced(context: Context) -> Places:
    router = context.section("router_settings")
    if str(router.get("routing_strategy", _SIMPLE)).startswith("usage-based"):
        return
    listed = router.get("optional_pre_call_checks")
    if isinstance(listed, list) and _ENFORCING in listed:
        return
    # of the two limits the other checks know rpm alone
    unchecked = ("tpm",) if router.get("enable_pre_call_checks") is True else ("rpm", "tpm")
    for one in context.deployments():
        for place in (one.params, one.entry):
            for limit in unchecked:
                if limit in place:
                    yield (
                        context.within(place, limit),
                        f"Nothing holds `{one.name}` to its {limit}: without the check"
                        f" `{_ENFORCING}` LiteLLM only reads it as a weight.",
                        f"Set `router_settings: {{optional_pre_call_checks: [{_ENFORCING}]}}`.",
                    )


@rule(
    "routing/no-failover",
    "several deployments of a name of which none stands in for another that fails",
    Severity.WARNING,
)
def no_failover(context: Context) -> Places:
    router = context.section("router_settings")
    strategy = router.get("routing_strategy", _SIMPLE)
    retries = router.get("num_retries", context.section("litellm_settings").get("num_retries"))
    if retries != 0 or (strategy == _SIMPLE and router.get("enable_weighted_failover") is True):
        return
    mend = (
        "Set `router_settings: {enable_weighted_failover: true}`."
        if strategy == _SIMPLE
        else f"Set `routing_strategy: {_SIMPLE}` and `enable_weighted_failover: true`."
    )
    for name, arms in _groups(context):
        if len(arms) > 1:
            yield (
                context.within(arms[0].entry),
                f"Without retries a call of `{name}` whose deployment fails is answered with that"
                " failure, though there are others.",
                mend,
            )


@rule("routing/checks-off", "a context-window fallback that nothing triggers before the call")
def checks_off(context: Context) -> Places:
    router = context.section("router_settings")
    if router.get("context_window_fallbacks") and router.get("enable_pre_call_checks") is not True:
        yield (
            context.at("router_settings", "context_window_fallbacks"),
            "Without pre-call checks a prompt that is too long is sent, and paid for, before the"
            " fallback is taken.",
            "Set `enable_pre_call_checks: true`.",
        )


@rule("fallback/unknown", "a fallback from or to a name that no model has")
def unknown_fallback(context: Context) -> Places:
    names = _names(context)
    for place, source, targets in fallbacks(context):
        for name in (*([source] if source != "*" else []), *targets):
            if name not in names and not any("*" in known_name for known_name in names):
                close = meant(name, names)
                yield (
                    place,
                    f"No model is called `{name}`, so that this fallback is never taken.",
                    f"Write `{close}`." if close else "Add the model, or remove the fallback.",
                )


@rule("fallback/to-itself", "a model that falls back to itself")
def to_itself(context: Context) -> Places:
    for place, source, targets in fallbacks(context):
        if source in targets:
            yield (
                place,
                f"`{source}` falls back to itself, which only repeats the failed call.",
                "Name another model; more deployments of a name are tried by themselves.",
            )


@rule("fallback/default-lost", "default fallbacks that LiteLLM forgets beside other fallbacks")
def default_lost(context: Context) -> Places:
    if not context.section("router_settings").get("fallbacks"):
        return
    for section in ("router_settings", "litellm_settings"):
        if context.section(section).get("default_fallbacks"):
            yield (
                context.at(section, "default_fallbacks"),
                "LiteLLM keeps these in the list of `fallbacks`, which it reads anew from the file"
                " within 30 seconds: from then on there are no default fallbacks.",
                'Write them as the last of the `fallbacks`: `{"*": [...]}`.',
            )


def fallbacks(context: Context) -> Iterator[tuple[tuple[Path, int], str, list[str]]]:
    """Every fallback: where it is written, from which name (`*` any), to which names."""
    for section in ("router_settings", "litellm_settings"):
        settings = context.section(section)
        for kind in FALLBACKS:
            listed = settings.get(kind)
            for index, one in enumerate(listed if isinstance(listed, list) else []):
                for source, targets in one.items() if isinstance(one, Mapping) else ():
                    place = context.at(section, kind, index, source)
                    yield place, str(source), _targets(targets)
        listed = settings.get("default_fallbacks")
        if isinstance(listed, list) and listed:
            yield context.at(section, "default_fallbacks"), "*", _targets(listed)


def _targets(listed: Any) -> list[str]:
    return [
        str(one.get("model") if isinstance(one, Mapping) else one)
        for one in (listed if isinstance(listed, list) else [listed])
    ]


def _names(context: Context) -> set[str]:
    aliases = context.section("router_settings").get("model_group_alias")
    return {one.name for one in context.deployments()} | set(
        aliases if isinstance(aliases, Mapping) else ()
    )


def _groups(context: Context) -> Iterator[tuple[str, list[Deployment]]]:
    ordered = sorted(context.deployments(), key=lambda one: one.name)
    for name, group in groupby(ordered, key=lambda one: one.name):
        yield name, list(group)


RULES = (
    unknown_strategy,
    weight_ignored,
    weight_misplaced,
    weight_on_one_arm,
    weight_not_a_number,
    limits_not_enforced,
    no_failover,
    checks_off,
    unknown_fallback,
    to_itself,
    default_lost,
)
