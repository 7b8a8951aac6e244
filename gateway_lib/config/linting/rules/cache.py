"""The cache: that it is one, and that nobody gets another's answer from it."""

from __future__ import annotations

from gateway_lib.config.linting.context import Context
from gateway_lib.config.linting.rule import Places, meant, rule

_OURS = "gateway_lib.config.cache_scope."
_SCOPES = frozenset({f"{_OURS}by_user", f"{_OURS}by_team", f"{_OURS}by_key"})
_SEMANTIC = ("redis-semantic", "qdrant-semantic", "valkey-semantic")


@rule("cache/not-namespaced", "a cache that would give one user's answer to another")
def not_namespaced(context: Context) -> Places:
    settings = context.section("litellm_settings")
    listed = settings.get("callbacks")
    callbacks = listed if isinstance(listed, list) else [listed]
    if settings.get("cache") is not True or _kind(context) in _SEMANTIC:
        return
    if not any(one in _SCOPES for one in callbacks):
        close = next((meant(one, _SCOPES) for one in callbacks if meant(one, _SCOPES)), None)
        yield (
            context.at("litellm_settings", "callbacks" if close else "cache"),
            "LiteLLM's cache gives one user's answer to another who asks the same, and lets a"
            " caller choose whose entries it reads.",
            f"Write `{close or _OURS + 'by_user'}` under `litellm_settings.callbacks`.",
        )


@rule("cache/not-shared", "a cache that every process has for itself")
def not_shared(context: Context) -> Places:
    if context.section("litellm_settings").get("cache") is True and _kind(context) in (
        "local",
        "disk",
    ):
        yield (
            context.at("litellm_settings", "cache_params", "type"),
            "This cache is in one process: each replica would have its own, and a restart"
            " empties it.",
            "Write `type: redis`.",
        )


@rule("cache/ignores-parameters", "a cache whose key leaves out what only one provider knows")
def ignores_parameters(context: Context) -> Places:
    settings = context.section("litellm_settings")
    name = "enable_caching_on_provider_specific_optional_params"
    if settings.get("cache") is True and settings.get(name) is not True:
        yield (
            context.at("litellm_settings", name if name in settings else "cache"),
            "top_k, thinking or guardrailConfig are not part of the cache's key: a call would be"
            " answered with what another one asked for.",
            f"Set `{name}: true`.",
        )


@rule("cache/router-without-redis", "limits and cooldowns that every process counts for itself")
def router_without_redis(context: Context) -> Places:
    router = context.section("router_settings")
    if _kind(context) == "redis" and context.section("litellm_settings").get("cache") is True:
        return
    if not (router.get("redis_host") or router.get("redis_url")):
        yield (
            context.at("router_settings"),
            "The router has no Redis, so that each replica counts rpm and tpm for itself and"
            " together they let through several times as much.",
            "Set redis_host, redis_port and redis_password, as config/default-config.yaml does.",
        )


@rule("cache/params-unused", "cache_params of a cache that is not switched on")
def params_unused(context: Context) -> Places:
    settings = context.section("litellm_settings")
    if settings.get("cache_params") and settings.get("cache") is None:
        yield (
            context.at("litellm_settings", "cache_params"),
            "Nothing is cached: `cache_params` alone does not switch the cache on.",
            "Add `cache: true`, or `cache: false` to say that this is meant.",
        )


def _kind(context: Context) -> str:
    params = context.section("litellm_settings").get("cache_params")
    return str(params.get("type", "redis")) if isinstance(params, dict) else "redis"


RULES = (not_namespaced, not_shared, ignores_parameters, router_without_redis, params_unused)
