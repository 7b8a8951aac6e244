"""Whose answer a cached one may be: the part of it that runs in LiteLLM, with LiteLLM's own cache."""

from __future__ import annotations

import asyncio

import pytest

CALLER = {"user_id": "u1", "team_id": "t1", "token": "k1"}


@pytest.fixture(scope="module")
def scope(offline_litellm):
    from gateway_lib.config import cache_scope

    return cache_scope


@pytest.fixture(scope="module")
def auth(offline_litellm):
    from litellm.proxy._types import UserAPIKeyAuth

    return lambda **changes: UserAPIKeyAuth(**{**CALLER, **changes})


def hooked(scope, caller, data, call_type="acompletion"):
    return asyncio.run(scope.async_pre_call_hook(caller, None, data, call_type))


@pytest.mark.parametrize(
    ("by", "same", "other"),
    [
        ("by_user", {"token": "k2", "team_id": "t2"}, {"user_id": "u2"}),
        ("by_team", {"token": "k2", "user_id": "u2"}, {"team_id": "t2"}),
        ("by_key", {"user_id": "u2", "team_id": "t2"}, {"token": "k2"}),
    ],
)
def test_those_of_one_scope_share_and_nobody_else(scope, auth, by, same, other):
    of = getattr(scope, by).namespace
    assert of(auth()) == of(auth(**same)) != of(auth(**other))


def test_without_a_team_or_a_user_it_is_the_next_narrower_one(scope, auth):
    of = scope.by_team.namespace
    assert of(auth(team_id=None)) == scope.by_user.namespace(auth())
    assert of(auth(team_id=None, user_id=None)) == scope.by_key.namespace(auth())
    # a user whose id is that of a team is not that team
    assert of(auth(team_id="x")) != of(auth(team_id=None, user_id="x"))


@pytest.mark.parametrize(
    "chosen",
    [
        {"cache": {"namespace": "of-somebody"}},
        {"cache": "nonsense"},
        {"cache": None},
        {"metadata": {"redis_namespace": "of-somebody"}},
        {"litellm_metadata": {"redis_namespace": "of-somebody"}},
        {"litellm_params": {"preset_cache_key": "of-somebody:key"}},
        {"cache_key": "of-somebody:key"},
        {"preset_cache_key": "of-somebody:key"},
    ],
)
@pytest.mark.parametrize("kind", ["acompletion", "aembedding", "aresponses", "anthropic_messages"])
def test_nobody_chooses_an_entry(scope, auth, offline_litellm, chosen, kind):
    """Whatever a request says, LiteLLM's own function makes the same key of it as without."""
    from litellm.caching.caching import Cache

    cache = Cache(type="local")
    request = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    plain = cache.get_cache_key(**hooked(scope.by_user, auth(), {**request}, kind))
    data = hooked(scope.by_user, auth(), {**request, **chosen}, kind)
    assert "cache_key" not in data
    assert cache.get_cache_key(**data) == plain
    assert plain.startswith(scope.by_user.namespace(auth()) + ":")


def test_the_other_cache_controls_stay(scope, auth):
    data = hooked(scope.by_user, auth(), {"cache": {"no-cache": True, "ttl": 5}})
    assert data["cache"] == {
        "no-cache": True,
        "ttl": 5,
        "namespace": scope.by_user.namespace(auth()),
    }


@pytest.mark.parametrize(
    "kind", ["pass_through_endpoint", "aspeech", "amoderation", "call_mcp_tool"]
)
def test_calls_that_are_not_cached_are_left_alone(scope, auth, kind):
    """What is added to them would be sent to the provider."""
    assert hooked(scope.by_user, auth(), {"model": "m"}, kind) == {"model": "m"}


def test_every_kind_of_call_that_litellm_caches_is_known(scope, offline_litellm):
    from litellm.types.caching import DEFAULT_CACHING_SUPPORTED_CALL_TYPES

    assert set(DEFAULT_CACHING_SUPPORTED_CALL_TYPES) <= scope.CACHED


def test_a_key_that_may_not_use_every_control_can_still_call(scope, auth):
    """LiteLLM's own check, which runs after, would refuse the namespace as if the caller had sent it."""
    from litellm.proxy.hooks.cache_control_check import _PROXY_CacheControlCheck

    held = auth(allowed_cache_controls=["ttl"])
    data = hooked(scope.by_user, held, {"model": "m", "cache": {"ttl": 5}})
    check = _PROXY_CacheControlCheck()
    asyncio.run(check.async_pre_call_hook(held, None, data, "acompletion"))
    with pytest.raises(Exception, match="Not allowed to set no-cache"):
        refused = {**data, "cache": {**data["cache"], "no-cache": True}}
        asyncio.run(check.async_pre_call_hook(held, None, refused, "acompletion"))
