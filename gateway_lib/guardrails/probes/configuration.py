"""Probes of the live configuration: ways from a guarded model to one that is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_lib.guardrails.probes.asking import CLOSED, OPEN, UNTRIED, Asker, Probed

_KINDS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


def fallback(ask: Asker) -> Probed:
    """A guarded model falls back to one without the same guardrail."""
    name = "fallback"
    if not ask.master:
        return Probed(name, UNTRIED, "only an administrator sees the fallbacks")
    guards, values = _guards(ask), _router(ask)
    found = sorted(
        f"{source} -> {target}"
        for source, target in _fallbacks(values, guards)
        if set().union(*guards.get(source, [])) - _always(guards.get(target, []))
    )
    return Probed(
        name, OPEN if found else CLOSED, ", ".join(found) or "no fallback leads past a guardrail"
    )


def second_deployment(ask: Asker) -> Probed:
    """Some deployments of a model have a guardrail that others of it lack."""
    name = "second_deployment"
    if not ask.master:
        return Probed(name, UNTRIED, "only an administrator sees the deployments")
    found = sorted(
        model
        for model, deployments in _guards(ask).items()
        if set().union(*deployments) - _always(deployments)
    )
    return Probed(
        name, OPEN if found else CLOSED, ", ".join(found) or "deployments are guarded alike"
    )


def _guards(ask: Asker) -> dict[str, list[set[str]]]:
    """What guards each deployment of each model."""
    found: dict[str, list[set[str]]] = {}
    listed = ask.get("/model/info", ask.master).body
    for entry in (listed.get("data") or []) if isinstance(listed, dict) else []:
        params = entry["litellm_params"]
        names = params.get("guardrails")
        guards = {str(each) for each in names} if isinstance(names, list) else set()
        config = params.get("guardrailConfig")
        if isinstance(config, Mapping):
            named = (config.get("guardrailIdentifier"), config.get("guardrailVersion"))
            guards.add("bedrock:" + ":".join(map(str, named)))
        found.setdefault(entry["model_name"], []).append(guards)
    return found


def _router(ask: Asker) -> Mapping[str, Any]:
    body = ask.get("/router/settings", ask.master).body
    values = body.get("current_values") if isinstance(body, dict) else None
    return values if isinstance(values, Mapping) else {}


def _fallbacks(values: Mapping[str, Any], guards: Mapping[str, Any]) -> set[tuple[str, str]]:
    pairs = set()
    for kind in _KINDS:
        for entry in values.get(kind) or ():
            for source, targets in entry.items():
                sources = guards if source == "*" else [source]
                named = [each for each in targets if isinstance(each, str)]
                pairs |= {(one, target) for one in sources for target in named}
    for target in values.get("default_fallbacks") or ():
        pairs |= {(one, target) for one in guards}
    return {(source, target) for source, target in pairs if source != target}


def _always(deployments: list[set[str]]) -> set[str]:
    return set.intersection(*deployments) if deployments else set()
