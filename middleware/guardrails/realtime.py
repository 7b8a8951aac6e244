"""Guardrails of realtime sessions: LiteLLM takes their names from the query, and passes over unknown ones."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from middleware.auth import Keys
from middleware.budgets.callers import callers
from middleware.errors import ServiceError
from middleware.guardrails.errors import GuardrailsMalformed
from middleware.guardrails.guardrails import Guardrails
from middleware.guardrails.wish import MAX_NAMES, NAMES

_POLICY_VIOLATION, _TRY_AGAIN_LATER, _UNAUTHORIZED = 1008, 1013, 3000
_LONGEST_REASON = 120  # RFC 6455 has 123 bytes for it


class Realtime:
    """Stands before the relay of websockets. A session that names no guardrail goes through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = _given(scope)
        if not given:
            await self._app(scope, receive, send)
            return
        state = scope["app"].state
        keys: Keys = state.keys
        guardrails: Guardrails = state.guardrails
        caller = WebSocket(scope, receive, send)
        try:
            if not await callers(scope, keys):
                await caller.close(_UNAUTHORIZED)
                return
            names = _names(given)
            await guardrails.check_names(names)
        except ServiceError as error:
            code = _POLICY_VIOLATION if error.status < 500 else _TRY_AGAIN_LATER
            # only a session that was opened can be closed with a reason
            await caller.accept(subprotocol=next(iter(scope["subprotocols"]), None))
            await caller.close(code, _reason(error.message))
            return
        await self._app(scope, receive, send)


def _given(scope: Scope) -> list[str]:
    query = scope.get("query_string", b"")
    if b"guardrail" not in query and b"%" not in query:
        return []
    return parse_qs(query.decode("latin-1")).get(NAMES, [])


def _names(given: list[str]) -> list[str]:
    names = [name.strip() for each in given for name in each.split(",") if name.strip()]
    if len(names) > MAX_NAMES:
        raise GuardrailsMalformed(f"{NAMES} may have {MAX_NAMES} names at most.")
    return names


def _reason(message: str) -> str:
    return message.encode()[:_LONGEST_REASON].decode(errors="ignore")
