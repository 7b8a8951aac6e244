"""Having providers called somewhere else: for the local stack, at the model simulator.

An overlay's `providers` has a section for every provider in use. What it holds is added to the
`litellm_params` of all of that provider's deployments, and to guardrails of that provider, so that LiteLLM's
own provider code runs and only the endpoint is another. `as: openai` has a provider's deployments called by
LiteLLM's code for OpenAI instead, where the other end does not speak the provider's own wire; prices and
abilities stay those of the provider, stated because LiteLLM does not find them under the other name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_lib.config import prices
from gateway_lib.errors import ConfigurationError

_PRICES = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
)


def redirected(config: Mapping[str, Any], providers: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration whose providers are called where `providers` says.

    Raises:
        ConfigurationError: a deployment's provider has no section, and so would be called for real.
    """
    result = dict(config)
    result["model_list"] = [_deployment(one, providers) for one in config.get("model_list") or []]
    if config.get("guardrails"):
        result["guardrails"] = [_guardrail(one, providers) for one in config["guardrails"]]
    return result


def _deployment(entry: Mapping[str, Any], providers: Mapping[str, Any]) -> dict[str, Any]:
    params = dict(entry["litellm_params"])
    name, slash, model = str(params["model"]).partition("/")
    if not slash:
        name, model = "openai", name
    section = providers.get(name)
    if section is None:
        raise ConfigurationError(
            f"model {entry['model_name']}: the overlay has no section for its provider {name}"
        )
    added = {key: value for key, value in section.items() if key != "as"}
    result = {**entry, "litellm_params": {**params, **added}}
    if stand_in := section.get("as"):
        known = prices.row(str(params["model"])) or {}
        stated = {name: known[name] for name in _PRICES if name in known}
        result["litellm_params"] = {**stated, **params, **added, "model": f"{stand_in}/{model}"}
        abilities = {name: value for name, value in known.items() if _is_ability(name)}
        result["model_info"] = {**abilities, **(entry.get("model_info") or {})}
    return result


def _is_ability(name: str) -> bool:
    return name.startswith(("supports_", "max_")) or name in ("mode", "output_vector_size")


def _guardrail(entry: Mapping[str, Any], providers: Mapping[str, Any]) -> Mapping[str, Any]:
    params = entry.get("litellm_params") or {}
    section = providers.get(str(params.get("guardrail")))
    return entry if section is None else {**entry, "litellm_params": {**params, **section}}
