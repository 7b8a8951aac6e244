"""Guardrails: that they exist, run, and cannot be gone round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway_lib.config.linting import known
from gateway_lib.config.linting.context import Context, Deployment
from gateway_lib.config.linting.rule import Places, meant, rule
from gateway_lib.config.linting.rules.routing import fallbacks

_BEDROCK = ("guardrailIdentifier", "guardrailVersion")


@rule(
    "guardrail/unknown", "a deployment that names a guardrail nobody defined: LiteLLM lets it pass"
)
def unknown(context: Context) -> Places:
    names = {name for name, _ in _defined(context)}
    for one in context.deployments():
        for name in _wanted(one):
            if name not in names:
                close = meant(name, names)
                yield (
                    context.within(one.params, "guardrails"),
                    f"No guardrail is called `{name}`; LiteLLM would let every call pass.",
                    f"Write `{close}`." if close else f"Define `{name}` under `guardrails`.",
                )


@rule("guardrail/unknown-service", "a guardrail of a service that LiteLLM does not have")
def unknown_service(context: Context) -> Places:
    for name, params in _defined(context):
        service = str(params.get("guardrail"))
        if service not in known.guardrail_services() and "." not in service:
            close = meant(service, known.guardrail_services())
            yield (
                context.within(params, "guardrail"),
                f"LiteLLM has no guardrails of `{service}`, so that `{name}` does nothing.",
                f"Write `guardrail: {close}`." if close else "Name a service, or a class.",
            )


@rule("guardrail/unknown-mode", "a guardrail that would run at a time LiteLLM does not have")
def unknown_mode(context: Context) -> Places:
    for name, params in _defined(context):
        mode = params.get("mode")
        if isinstance(mode, Mapping):
            continue
        for one in mode if isinstance(mode, list) else [mode]:
            if one not in known.guardrail_modes():
                close = meant(one, known.guardrail_modes()) if one else "pre_call"
                yield (
                    context.within(params, "mode"),
                    f"`{name}` would never run: there is no mode `{one}`."
                    if one
                    else f"`{name}` does not say when it is to run.",
                    f"Write `mode: {close or 'pre_call'}`.",
                )


@rule("guardrail/incomplete", "a Bedrock guardrail without identifier or version")
def incomplete(context: Context) -> Places:
    for name, params in _defined(context):
        missing = [key for key in _BEDROCK if not params.get(key)]
        if params.get("guardrail") == "bedrock" and missing:
            yield (
                context.within(params),
                f"`{name}` lacks {' and '.join(missing)}; every call with it would fail.",
                "Add what Bedrock's console shows for the guardrail.",
            )
    for one in context.deployments():
        config = one.params.get("guardrailConfig")
        if isinstance(config, Mapping) and any(not config.get(key) for key in _BEDROCK):
            yield (
                context.within(config),
                f"The guardrailConfig of `{one.name}` is not complete; Bedrock refuses the calls.",
                "State guardrailIdentifier and guardrailVersion.",
            )


@rule("guardrail/not-bedrock", "a guardrailConfig on a model of a provider that does not read it")
def not_bedrock(context: Context) -> Places:
    for one in context.deployments():
        if "guardrailConfig" in one.params and not one.provider.startswith("bedrock"):
            yield (
                context.within(one.params, "guardrailConfig"),
                f"`{one.provider}` has no guardrailConfig; `{one.name}` is called without any.",
                "Define a guardrail under `guardrails` and name it in `guardrails: [...]`.",
            )


@rule("guardrail/repeated", "two guardrails of one name: which of them runs is chance")
def repeated(context: Context) -> Places:
    seen: set[str] = set()
    for entry in context.entries("guardrails"):
        name = str(entry.get("guardrail_name"))
        if name in seen:
            yield (
                context.within(entry, "guardrail_name"),
                f"There is another guardrail called `{name}`.",
                "Give each a name of its own.",
            )
        seen.add(name)


@rule(
    "guardrail/bypassed-by-fallback",
    "a guarded model that falls back to one without the same guardrail",
)
def bypassed_by_fallback(context: Context) -> Places:
    always = {name for name, params in _defined(context) if params.get("default_on") is True}
    guards: dict[str, list[set[str]]] = {}
    for one in context.deployments():
        guards.setdefault(one.name, []).append(_guards(one))
    for place, source, targets in fallbacks(context):
        sources = guards if source == "*" else [source] if source in guards else []
        for name in sources:
            wanted = set.union(set(), *guards[name]) - always
            for target in targets:
                kept = set.intersection(*guards[target]) if guards.get(target) else set()
                if target != name and target in guards and wanted - kept:
                    yield (
                        place,
                        f"`{name}` is guarded and `{target}`, to which it falls back, is not in"
                        " the same way: a failing call would go round the guardrail.",
                        f"Guard `{target}` likewise, or set `default_on: true` on a guardrail"
                        " under `guardrails`.",
                    )


@rule("guardrail/on-one-arm", "a guardrail on some deployments of a name but not on all")
def on_one_arm(context: Context) -> Places:
    groups: dict[str, list[Deployment]] = {}
    for one in context.deployments():
        groups.setdefault(one.name, []).append(one)
    for name, arms in groups.items():
        wanted = set.union(set(), *(_guards(one) for one in arms))
        for one in arms:
            if wanted - _guards(one):
                yield (
                    context.within(one.entry),
                    f"Other deployments of `{name}` have a guardrail that this one lacks: by"
                    " chance, calls would pass without it.",
                    "Guard every deployment of the name.",
                )


def _defined(context: Context) -> Iterator[tuple[str, Mapping]]:  # type: ignore[type-arg]
    for entry in context.entries("guardrails"):
        params = entry.get("litellm_params")
        if isinstance(params, Mapping):
            yield str(entry.get("guardrail_name")), params


def _wanted(one: Deployment) -> list[str]:
    listed = one.params.get("guardrails")
    return [str(name) for name in listed] if isinstance(listed, list) else []


def _guards(one: Deployment) -> set[str]:
    """What guards a deployment's calls: guardrails by name, and Bedrock's own."""
    found = set(_wanted(one))
    config = one.params.get("guardrailConfig")
    if isinstance(config, Mapping):
        named = (config.get("guardrailIdentifier"), config.get("guardrailVersion"))
        found.add("bedrock:" + ":".join(map(str, named)))
    return found


RULES = (
    unknown,
    unknown_service,
    unknown_mode,
    incomplete,
    not_bedrock,
    repeated,
    bypassed_by_fallback,
    on_one_arm,
)
