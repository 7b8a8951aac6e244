"""Tokens where keys are expected: they are exchanged for their subject's key, and all else sees the key."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from middleware.auth import KEY_HEADERS, sent_key
from middleware.identity.people import People, Person
from middleware.identity.tokens import Tokens, looks_like_one

_NAMES = frozenset(KEY_HEADERS)
# Where LiteLLM's UI shows a token of LiteLLM's own, with which invited users choose their passwords.
_LITELLMS_OWN = "/onboarding/"


class Bearers:
    """Finds out whose token a request carries."""

    def __init__(self, tokens: Tokens, people: People) -> None:
        self._tokens = tokens
        self._people = people

    async def person(self, scope: Scope) -> Person:
        """The person whose token the request has. Raises what `Tokens` and `People` raise."""
        claims = await self._tokens.verify(sent_key(scope))
        return await self._people.admit(claims, scope["state"]["exchange"].request_id)


def has_token(scope: Scope) -> bool:
    """Whether a request's credential is a token. Asked of every request, nearly all of which have keys."""
    for name, value in scope["headers"]:
        if name in _NAMES and b"ey" in value[:12] and b"." in value:
            return looks_like_one(sent_key(scope)) and not scope["path"].startswith(_LITELLMS_OWN)
    return False


class Exchange:
    """An ASGI application that serves a request with a token as if it had come with the subject's key."""

    def __init__(self, app: ASGIApp, bearers: Bearers) -> None:
        self._app = app
        self._bearers = bearers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        person = await self._bearers.person(scope)
        await self._app(with_key(scope, person.key), receive, send)


def with_key(scope: Scope, key: str) -> Scope:
    """The same request with another credential, and with no other one."""
    headers = [header for header in scope["headers"] if header[0] not in _NAMES]
    return {**scope, "headers": [*headers, (b"authorization", f"Bearer {key}".encode())]}
