"""Looks at calls that are passed through to LiteLLM for what they say of guardrails."""

from __future__ import annotations

import re

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware.again import again
from middleware.budgets import routes
from middleware.caller import MAX_BODY, Caller
from middleware.guardrails.errors import GuardrailsMalformed
from middleware.guardrails.forms import content_type, is_form, is_large, refuse_form, refuse_named
from middleware.guardrails.guardrails import Guardrails
from middleware.guardrails.wish import are_mentioned
from middleware.json_object import encoded

# where LiteLLM applies the guardrails that a call names
_APPLIED = re.compile(
    r".*/(?:chat/completions|completions|embeddings)|(?:/openai)?(?:/v1)?/responses|.*/v1/messages"
)
# providers that take sounds and pictures as they are: what is no JSON there LiteLLM does not read either
_RAW = re.compile(
    r"/(?:bedrock|comprehendmedical|azure_speech|transcribe|vertex[-_]ai|gemini|(?:eu\.)?assemblyai|"
    r"deepgram|fal_ai|nvidia_nim)(?:/.*)?",
    re.I,
)


class Checking:
    """Stands before the pass-through. What costs nothing, and what names no guardrail, goes through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST" or routes.of(scope) is None or goes_on_unread(scope):
            await self._app(scope, receive, send)
            return
        guardrails: Guardrails = scope["app"].state.guardrails
        body = await Caller(receive).whole(MAX_BODY)
        if _is_applied(scope):
            refuse_form(scope, body)
        if is_form(scope):
            refuse_named(scope, body)
            guardrails.guard(scope)
        elif are_mentioned(body):
            body = await _checked(guardrails, scope, body)
        else:
            guardrails.guard(scope)
        await self._app(scope, again(body, receive), send)


async def _checked(guardrails: Guardrails, scope: Scope, body: bytes) -> bytes:
    """The body to send on: what was read of it, where it says something of guardrails."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        if _is_raw(scope):
            guardrails.guard(scope)
            return body
        raise GuardrailsMalformed("The request body must be a JSON object.")
    metered = routes.of(scope)
    in_path = metered.model if isinstance(metered, routes.Metered) else ""
    wish = await guardrails.check(scope, fields, in_path)
    if wish.names and not _is_applied(scope):
        raise GuardrailsMalformed("Guardrails that a call names are not applied on this path.")
    if wish.is_empty:
        return body
    return encoded(fields, GuardrailsMalformed)


def goes_on_unread(scope: Scope) -> bool:
    """Whether a body is passed on piece by piece: large forms, and what is only a provider's to read."""
    if is_form(scope):
        return is_large(scope) and not _is_applied(scope)
    return _is_raw(scope) and b"json" not in content_type(scope)


def _is_applied(scope: Scope) -> bool:
    return _APPLIED.fullmatch(scope["path"].rstrip("/")) is not None


def _is_raw(scope: Scope) -> bool:
    return _RAW.fullmatch(scope["path"]) is not None and not _is_applied(scope)
