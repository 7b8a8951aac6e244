"""Caches, and Redis for the router."""

from __future__ import annotations

from .fault import CACHE, SCOPE, Fault, base, setting

FAULTS = [
    Fault(
        "a cache for everybody",
        "cache/not-namespaced",
        setting("litellm_settings", CACHE.replace("cache: true", "cache: true !!")),
        "cache_scope.by_user",
    ),
    Fault(
        "a scope misspelt",
        "cache/not-namespaced",
        setting("litellm_settings", CACHE + SCOPE.replace("by_user]", "by_users] !!")),
        "cache_scope.by_user`",
    ),
    Fault(
        "a cache in one process",
        "cache/not-shared",
        setting("litellm_settings", CACHE.replace("{type: redis}", "{type: local} !!") + SCOPE),
        "type: redis",
    ),
    Fault(
        "a cache that ignores parameters",
        "cache/ignores-parameters",
        setting("litellm_settings", "  cache: true !!\n  cache_params: {type: redis}\n" + SCOPE),
        "optional_params: true",
    ),
    Fault(
        "limits without Redis",
        "cache/router-without-redis",
        base(
            ("router_settings:\n", "router_settings: !!\n"),
            ("  redis_host: os.environ/REDIS_HOST\n", ""),
        ),
        "redis_host",
    ),
    Fault(
        "parameters of no cache",
        "cache/params-unused",
        setting("litellm_settings", "  cache_params: {type: redis} !!\n"),
        "cache: true",
    ),
]
