"""Truth for the models of the configuration that `config/simulator.yaml` does not describe.

Price, sizes and abilities are LiteLLM's, so that what the gateway books can be checked; how fast and how good
a model is, is drawn from its name, the same each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from random import Random
from typing import Any

from gateway_lib.config import prices

_WIRES = {"SIMULATOR_OPENAI_URL": "openai", "SIMULATOR_BEDROCK_URL": "bedrock"}
_DIMENSIONS = 1024


def models(config: Mapping[str, Any], described: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Profiles by model id, as `gateway_lib.simulator.profiles.Profile` reads them.

    Args:
        config: what the local LiteLLM is configured with.
        described: the models that have a profile already.
    """
    found: dict[str, dict[str, Any]] = {}
    for entry in config.get("model_list") or []:
        params = entry["litellm_params"]
        model = str(params["model"]).partition("/")[2]
        wire = next((w for name, w in _WIRES.items() if name in str(params)), None)
        if wire is None or not model or model in described or model in found:
            continue
        known = {
            **(prices.row(params["model"]) or {}),
            **(entry.get("model_info") or {}),
            **{key: value for key, value in params.items() if key.endswith("_cost_per_token")},
        }
        if known.get("mode", "chat") in ("chat", "embedding"):
            found[model] = _profile(model, wire, known)
    return found


def _profile(model: str, wire: str, known: Mapping[str, Any]) -> dict[str, Any]:
    drawn = Random(hashlib.blake2b(model.encode()).digest())  # noqa: S311 - no secret hangs on it
    first, gap = drawn.randint(60, 240), drawn.randint(4, 14)
    profile: dict[str, Any] = {
        "wire": wire,
        "price": {
            "input": _per_million(known, "input"),
            "output": _per_million(known, "output"),
        },
        "ttft_ms": {"median": first, "p95": first * 2.2},
        "context_window": int(known.get("max_input_tokens") or 128_000),
    }
    if known.get("mode") == "embedding":
        return {
            **profile,
            "kind": "embedding",
            "dimensions": [int(known.get("output_vector_size") or _DIMENSIONS)],
        }
    return {
        **profile,
        "itl_ms": {"median": gap, "p95": gap * 2, "max": gap * 6},
        "accuracy": {"default": round(drawn.uniform(0.7, 0.95), 2)},
        "max_output": int(known.get("max_output_tokens") or 8192),
        "modalities": ["image", "document"] if known.get("supports_vision") else [],
        "reasoning": bool(known.get("supports_reasoning")),
        "cache_min_tokens": 1024 if known.get("supports_prompt_caching") else None,
        "invoke_body": "anthropic" if wire == "bedrock" and "anthropic." in model else None,
    }


def _per_million(known: Mapping[str, Any], side: str) -> float:
    return float(known.get(f"{side}_cost_per_token") or 0) * 1e6
