"""One LiteLLM configuration for every place, and what a place changes of it.

`config/default-config.yaml` names models and policy as they are deployed. An overlay changes only what
differs where it runs. It is merged key by key, and its `providers` section is added to the
`litellm_params` of every deployment of that provider: so the local stack serves the same model names
through the same provider code of LiteLLM, and only the endpoint is another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway_lib.errors import ConfigurationError

CONFIG_DIR = Path(__file__).resolve().parents[2] / "config"


def load_local() -> dict[str, Any]:
    """The configuration of the local stack: every provider is the model simulator."""
    return overlaid(read(CONFIG_DIR / "default-config.yaml"), read(CONFIG_DIR / "local.yaml"))


def read(path: Path) -> dict[str, Any]:
    """A configuration file as a mapping. Raises `ConfigurationError`."""
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: a mapping is needed at the top")
    return content


def overlaid(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `overlay` laid over it.

    Raises:
        ConfigurationError: a deployment's provider has no section in the overlay's `providers`, and so
            would be called for real.
    """
    rest = {key: value for key, value in overlay.items() if key != "providers"}
    result = _merged(base, rest)
    providers = overlay.get("providers")
    if providers:
        result["model_list"] = [_redirected(entry, providers) for entry in result["model_list"]]
    return result


def render(config: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)


def digest(config: Mapping[str, Any]) -> str:
    """SHA-256 of a configuration, the same for the same content however it is written."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def provider(model: str) -> str:
    """The provider in LiteLLM's `provider/model` notation."""
    return model.partition("/")[0]


def _redirected(entry: Mapping[str, Any], providers: Mapping[str, Any]) -> dict[str, Any]:
    params = entry["litellm_params"]
    name = provider(params["model"])
    if name not in providers:
        raise ConfigurationError(
            f"model {entry['model_name']}: the overlay has no section for its provider {name}"
        )
    return {**entry, "litellm_params": {**params, **providers[name]}}


def _merged(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in overlay.items():
        known = result.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        result[key] = _merged(known, value) if both else value  # type: ignore[arg-type]
    return result
