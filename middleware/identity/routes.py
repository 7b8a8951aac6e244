"""Which of LiteLLM's routes say who may do what, and which of those everybody may use as they are."""

from __future__ import annotations

import re

_ENTITIES = (
    "key", "user", "team", "organization", "project", "budget", "customer", "end_user", "invitation",
    "access_group", "unified_access_group", "tag", "model", "jwt", "management", "scim",
    # not of people, but of what everybody gets, or code that the proxy runs
    "add", "cache", "config", "config_overrides", "credentials", "debug", "fallback", "flushall", "global",
    "guardrails", "model_group", "model_hub", "policies", "policy", "prompts", "search_tools", "update",
)  # fmt: skip
_MANAGED = re.compile(rf"/+(?:v\d+/+)?(?:{'|'.join(_ENTITIES)})(?:/|$)")
READING = frozenset(("GET", "HEAD", "OPTIONS"))
# what the owner of a key may do that gives nobody more, and what only reads although it is a POST
HARMLESS = frozenset(
    (
        "/guardrails/apply_guardrail",
        "/key/delete",
        "/key/health",
        "/tag/info",
        "/user/password/change",
        "/v2/key/info",
    )
)
REGENERATE = re.compile(r"/key/(?:(?P<key>[^/]+)/)?regenerate")


def is_managed(path: str) -> bool:
    """Whether a path is of the part of LiteLLM that says who may do what."""
    return _MANAGED.match(path) is not None
