"""LiteLLM's own table of models: which it knows, what they cost, what they can do.

Read from the installed package's file, which LiteLLM itself reads where it does not fetch a newer one;
importing LiteLLM for it would take seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gateway_lib.errors import ConfigurationError

_FILE = "model_prices_and_context_window_backup.json"
_ROUTES = ("converse/", "invoke/", "converse_like/")
"""What may stand between `bedrock/` and the id: which of Bedrock's APIs LiteLLM uses."""


def package() -> Path:
    """Where the installed LiteLLM is, without importing it. Raises `ConfigurationError`."""
    spec = find_spec("litellm")
    if spec is None or spec.origin is None:
        raise ConfigurationError("litellm is not installed: run `make setup`")
    return Path(spec.origin).parent


@lru_cache(maxsize=1)
def table() -> Mapping[str, Mapping[str, Any]]:
    """Every model of the table, by its key there."""
    content = json.loads((package() / _FILE).read_text(encoding="utf-8"))
    return {key: row for key, row in content.items() if isinstance(row, dict)}


def row(model: str) -> Mapping[str, Any] | None:
    """What LiteLLM knows of a model in `provider/model` notation, or nothing."""
    for key in keys(model):
        if key in table():
            return table()[key]
    return None


def keys(model: str) -> list[str]:
    """The keys under which LiteLLM looks a model up, in order."""
    name, slash, rest = model.partition("/")
    if not slash:
        return [model]
    if name == "bedrock":
        for route in _ROUTES:
            rest = rest.removeprefix(route)
        region, slash, inner = rest.partition("/")
        return [model, rest, inner] if slash and "." not in region else [model, rest]
    own = table().get(rest)
    is_own = own is not None and str(own.get("litellm_provider", "")).startswith(name.split("_")[0])
    return [model, rest] if is_own else [model]
