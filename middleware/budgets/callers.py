"""Whose key LiteLLM will take: it looks in more places than the gateway's own endpoints do."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs

from starlette.types import Scope

from middleware.auth import Identity, Keys
from middleware.errors import Unauthenticated

_PASS_THROUGH = b"litellm_user_api_key"
_REALTIME = "openai-insecure-api-key."


async def callers(scope: Scope, keys: Keys) -> list[Identity]:
    """Everybody whose good key a request carries; LiteLLM refuses one that has none."""
    found = []
    for each in _readings(scope):
        try:
            found.append(await keys.identify(each))
        except Unauthenticated:
            continue
    return found


def _readings(scope: Scope) -> Iterator[Scope]:
    yield scope
    if given := dict(scope["headers"]).get(_PASS_THROUGH):
        yield _with_key(given)
    for protocol in scope.get("subprotocols") or ():
        if protocol.startswith(_REALTIME):
            yield _with_key(protocol.removeprefix(_REALTIME).encode())
    query = scope.get("query_string", b"")
    if b"key" in query or b"%" in query:
        for value in parse_qs(query.decode("latin-1")).get("key") or ():
            yield _with_key(value.encode())


def _with_key(key: bytes) -> Scope:
    return {"type": "http", "headers": [(b"x-litellm-api-key", key)]}
