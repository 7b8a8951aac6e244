"""Looks at calls that are passed through to LiteLLM for what they say of guardrails."""

from __future__ import annotations

import re

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware.admission.inference import again
from middleware.budgets import routes
from middleware.caller import MAX_BODY, Caller
from middleware.guardrails.errors import GuardrailsMalformed
from middleware.guardrails.guardrails import Guardrails
from middleware.guardrails.wish import are_mentioned

# where LiteLLM applies the guardrails that a call names
_APPLIED = re.compile(
    r".*/(?:chat/completions|completions|embeddings)|(?:/openai)?(?:/v1)?/responses|.*/v1/messages"
)
_IN_A_FORM = re.compile(rb'name="?[^"\r\n]*guardrail', re.I)


class Checking:
    """Stands before the pass-through. What costs nothing, and what names no guardrail, goes through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST" or routes.of(scope) is None or _is_large_form(scope):
            await self._app(scope, receive, send)
            return
        guardrails: Guardrails = scope["app"].state.guardrails
        body = await Caller(receive).whole(MAX_BODY)
        if not are_mentioned(body):
            guardrails.guard(scope)
        elif b"form" in _header(scope, b"content-type").lower():
            if _IN_A_FORM.search(body):
                raise GuardrailsMalformed("Guardrails cannot be named in a form.")
        else:
            body = await _checked(guardrails, scope, body)
        await self._app(scope, again(body, receive), send)


async def _checked(guardrails: Guardrails, scope: Scope, body: bytes) -> bytes:
    """The body to send on: what was read of it, where it says something of guardrails."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise GuardrailsMalformed("The request body is not valid JSON.") from None
    if not isinstance(fields, dict):
        raise GuardrailsMalformed("The request body must be a JSON object.")
    wish = await guardrails.check(scope, fields, fields.get("model"))
    if wish.names and not _APPLIED.fullmatch(scope["path"].rstrip("/")):
        raise GuardrailsMalformed("Guardrails that a call names are not applied on this path.")
    if wish.is_empty:
        return body
    try:
        return orjson.dumps(fields)
    except orjson.JSONEncodeError:
        raise GuardrailsMalformed("The request is nested more than 250 levels deep.") from None


def _is_large_form(scope: Scope) -> bool:
    """Whether the body is files, and so many that they are passed on as they come."""
    length = _header(scope, b"content-length")
    is_small = length.isdigit() and int(length) <= MAX_BODY
    return b"form" in _header(scope, b"content-type").lower() and not is_small


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((bytes(value) for name, value in scope["headers"] if name == wanted), b"")
