"""Which of LiteLLM's routes are an administrator's, and which of those everybody may use as they are.

A path of its own that an administrator gives LiteLLM (`pass_through_endpoints`) is not known here, so what is
listed is what LiteLLM has. A test compares it with LiteLLM's own description (docs/access.yaml).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from middleware.remembered import Remembered

_ENTITIES = (
    "key", "user", "team", "organization", "project", "budget", "customer", "end_user", "invitation",
    "access_group", "unified_access_group", "tag", "model", "jwt", "management", "scim",
    # not of people, but of what everybody gets, or code that the proxy runs
    "add", "cache", "config", "config_overrides", "credentials", "debug", "fallback", "flushall", "global",
    "guardrails", "lens", "model_group", "model_hub", "policies", "policy", "prompts", "search_tools",
    "update",
    # parts of the proxy, and what it tells others
    "auto_router", "claude-code", "cloudzero", "compliance", "coordination_redis", "delete", "email",
    "indexes", "langfuse", "memory", "moyai", "rust_control_plane", "tool", "traces", "upload", "usage",
    "vantage", "vector_store", "workflows",
)  # fmt: skip
_PARTS = (
    "health/+test_connection", "mcp/+(?:make_public|toolset)", "mcp-rest/+test",
    "utils/+(?:dotprompt_json_converter|test_policies_and_guardrails)",
    # a user's own keys and variables for a server of tools are the user's
    r"mcp/+server(?!/+[^/]+/+(?:oauth-user-credential|user-credential|user-env-vars|pin)/*$)",
)  # fmt: skip
_MANAGED = re.compile(rf"/+(?:v\d+/+)?(?:{'|'.join((*_ENTITIES, *_PARTS))})(?:/|$)")
_SLASHES = re.compile("/{2,}")
# reading that has every model called once, at everybody's cost, or tells somebody something
_DEAR = frozenset(("/health", "/health/services", "/health/test_connection"))
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


class Meaning(NamedTuple):
    """What it takes to call a path of LiteLLM's."""

    is_managed: bool
    """What writes to it is an administrator's."""
    is_dear: bool
    """Even reading it costs what is not the reader's."""


@Remembered
def meaning(path: str) -> Meaning:
    """What a path of LiteLLM's means."""
    is_dear = _SLASHES.sub("/", path).rstrip("/") in _DEAR
    return Meaning(_MANAGED.match(path) is not None, is_dear)
