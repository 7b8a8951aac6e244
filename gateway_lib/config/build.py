"""One LiteLLM configuration for every place, and what a place changes of it.

`config/default-config.yaml` names models and policy as they are deployed; a user's own `config/config.yaml`
stands in its place or extends it (`gateway_lib.config.layers`). An overlay (`config/local.yaml`,
`config/aws.yaml`) changes only what differs where it runs, so that every place serves the same model names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from gateway_lib.config.layers import CONFIG_DIR, DEFAULT, chain, chosen, read, whole
from gateway_lib.config.merging import merged
from gateway_lib.config.redirecting import redirected

Place = Literal["local", "aws"]


def load_local() -> dict[str, Any]:
    """The configuration of the local stack: every provider is the model simulator."""
    from gateway_lib.settings import process_environment, settings

    return load("local", process_environment(), settings().config)


def load(place: Place, environment: Mapping[str, str], path: Path | None = None) -> dict[str, Any]:
    """What LiteLLM is configured with in a place.

    What the user's own file says wins over the overlay; the overlay's conditional parts and its redirection
    of providers come last, so that the local stack calls nobody for real.

    Args:
        place: its overlay is laid over the configuration.
        environment: which of the overlay's conditional parts apply; no value of it is copied.
        path: the configuration; without one the user's `config/config.yaml`, else the default.

    Raises:
        ConfigurationError: a file cannot be used, or a provider would be called for real by the local stack.
    """
    file, overlay = chosen(path), read(CONFIG_DIR / f"{place}.yaml")
    result = merged(whole(file), _without(overlay, "providers", "when"))
    for layer in reversed(chain(file)):
        if layer.resolve() != DEFAULT:
            result = merged(result, _without(read(layer), "extends"))
    return _placed(result, overlay, environment)


def overlaid(
    base: Mapping[str, Any],
    overlay: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """`base` with an overlay laid over it.

    Beside LiteLLM's sections an overlay may have `providers`, which is where each provider's deployments
    call (`gateway_lib.config.redirecting`), and `when`, a list of `{set: [VARIABLE...], add: {...}}`: what
    is added, lists appended to lists, where all of those variables have a value.

    Raises:
        ConfigurationError: a deployment's provider has no section in the overlay's `providers`, and so
            would be called for real.
    """
    result = merged(base, _without(overlay, "providers", "when"))
    return _placed(result, overlay, environment or {})


def _placed(
    result: dict[str, Any], overlay: Mapping[str, Any], environment: Mapping[str, str]
) -> dict[str, Any]:
    for part in overlay.get("when") or []:
        if all(environment.get(name) for name in part["set"]):
            result = merged(result, part["add"], append=True)
    providers = overlay.get("providers")
    return redirected(result, providers) if providers else result


def _without(layer: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in layer.items() if key not in names}


def render(config: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)


def digest(config: Mapping[str, Any]) -> str:
    """SHA-256 of a configuration, the same for the same content however it is written."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def provider(model: str) -> str:
    """The provider in LiteLLM's `provider/model` notation; a bare model has LiteLLM's default, OpenAI."""
    name, slash, _ = model.partition("/")
    return name if slash else "openai"
