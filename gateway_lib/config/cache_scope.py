"""Whose answer a cached one may be: in LiteLLM's cache, each user, team or key has entries of its own.

LiteLLM makes a cache key of the request alone, so that everybody who asks the same gets the answer that the
first one got. It takes a namespace from the request, which the one who asks could choose. This callback runs
in the LiteLLM process after the caller was recognised and before the cache is asked; it puts the caller's own
namespace in and removes whatever else would choose an entry. The configuration names one of the three::

    litellm_settings:
      callbacks: [gateway_lib.config.cache_scope.by_user]

The LiteLLM image holds this module as it is; it needs nothing of the workbench.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

from litellm.integrations.custom_logger import CustomLogger

CACHED = frozenset(
    {
        "completion",
        "acompletion",
        "text_completion",
        "atext_completion",
        "embedding",
        "aembedding",
        "embeddings",
        "responses",
        "aresponses",
        "anthropic_messages",
        "aanthropic_messages",
        "rerank",
        "arerank",
        "transcription",
        "atranscription",
    }
)
"""The kinds of calls that LiteLLM caches; what is added to others would be sent to a provider."""

_CHOOSING = ("cache_key", "preset_cache_key", "redis_namespace", "caching_groups")
_PLACES = ("metadata", "litellm_metadata", "litellm_params")


class CacheScope(CustomLogger):
    """Keeps the cache's entries of users, teams or keys apart."""

    def __init__(self, by: Literal["user", "team", "key"]) -> None:
        super().__init__()
        self.by = by

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
    ) -> dict[str, Any]:
        """Called by LiteLLM with the recognised caller and the request that it may change."""
        if call_type not in CACHED:
            return data
        for place in (data, *(data.get(name) for name in _PLACES)):
            if isinstance(place, dict):
                for name in _CHOOSING:
                    place.pop(name, None)
        given = data.get("cache")
        control = dict(given) if isinstance(given, Mapping) else {}
        data["cache"] = {**control, "namespace": self.namespace(user_api_key_dict)}
        allowed = getattr(user_api_key_dict, "allowed_cache_controls", None)
        if allowed and "namespace" not in allowed:  # LiteLLM would refuse the call for what we set
            user_api_key_dict.allowed_cache_controls = [*allowed, "namespace"]
        return data

    def namespace(self, caller: Any) -> str:
        """The caller's part of the cache: of its team or user where there is one, else of its key."""
        kinds = {"team": ("team", "user", "key"), "user": ("user", "key"), "key": ("key",)}[self.by]
        named = {
            "team": getattr(caller, "team_id", None),
            "user": getattr(caller, "user_id", None),
            "key": getattr(caller, "token", None) or getattr(caller, "api_key", None),
        }
        kind = next((kind for kind in kinds if named[kind]), "key")
        # hashed: an id may be an address, and cache keys go into headers and logs
        digest = hashlib.sha256(f"{kind}\0{named[kind] or ''}".encode()).hexdigest()
        return f"{kind}-{digest[:32]}"


by_user = CacheScope("user")
by_team = CacheScope("team")
by_key = CacheScope("key")
