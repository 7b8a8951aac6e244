"""Keeps budgets on what is passed through to LiteLLM."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from starlette.datastructures import Headers, UploadFile
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware.auth import Keys
from middleware.budgets import routes
from middleware.budgets.budgets import Budgets
from middleware.budgets.callers import callers
from middleware.budgets.errors import CostUnknown, RouteNotBudgeted
from middleware.budgets.purse import Purse
from middleware.budgets.spending import Spending
from middleware.caller import MAX_BODY, Caller
from middleware.json_object import Fields, ask_for_usage, decoded, encoded
from middleware.multipart import form_of
from middleware.passthrough import relay

_OF_THE_BODY = frozenset((b"content-length", b"content-type", b"content-encoding"))
_NO_OBJECT = "The body of a call by a caller with a budget must be a JSON object."


class Metering:
    """Stands before the pass-through. Who has no budget goes through as if this were not there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope["app"].state
        budgets: Budgets = state.budgets
        kind = None if budgets.register.is_empty else routes.of(scope)
        if kind is None:
            await self._app(scope, receive, send)
            return
        purse = await purse_of(scope, budgets, state.keys)
        if purse is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "budgeted"})
        elif isinstance(kind, routes.Unbounded):
            raise RouteNotBudgeted
        else:
            await _metered(scope, Caller(receive), send, kind, purse)


async def purse_of(scope: Scope, budgets: Budgets, keys: Keys) -> Purse | None:
    """The budgets of a request's caller; None where it has none, or LiteLLM is going to refuse it.

    Raises:
        BudgetsUnavailable: nobody knows whether it has.
    """
    if await budgets.are_any():
        for identity in await callers(scope, keys):
            purse = await budgets.purse(identity)
            if purse.limits:
                return purse
    return None


async def _metered(
    scope: Scope, caller: Caller, send: Send, kind: routes.Metered, purse: Purse
) -> None:
    body = await caller.whole(MAX_BODY)
    fields = await _form(scope, body) if kind.is_form else decoded(body, CostUnknown, _NO_OBJECT)
    model = routes.only_model(kind.model, scope, fields)
    hides_usage = False
    if not kind.is_form:
        # what is sent is what was looked at: nothing that could be read in two ways goes on
        hides_usage = kind.wants_usage and wants_usage(fields)
        body = encoded(fields, CostUnknown)
        scope = as_json(scope)
    spending = Spending(
        scope,
        send,
        nullcontext(),
        lambda: purse.hold(model, fields, kind.estimate),
        hides_usage=hides_usage,
    )
    await relay(spending.scope, caller, body, spending.send, slot=spending)


def wants_usage(fields: Fields) -> bool:
    """Have a stream say at its end what it did cost; True where the caller has not asked for that."""
    if not fields.get("stream"):
        return False
    if not isinstance(fields.get("stream_options") or {}, dict):
        raise CostUnknown("stream_options must be an object.")
    return ask_for_usage(fields)


async def _form(scope: Scope, body: bytes) -> dict[str, Any]:
    """The fields of a form with files."""
    headers = Headers(scope=scope)
    if not headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise CostUnknown("This path takes multipart/form-data.")
    form = await form_of(headers, body, CostUnknown)
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name == "model" and name in fields:
            raise CostUnknown("The form of this call names more than one model.")
        if isinstance(value, UploadFile):
            files = fields.get(name)
            known = files if isinstance(files, list) else []
            fields[name] = [*known, await value.read()]
        else:
            fields[name] = int(value) if name == "n" and value.isdigit() else value
    return fields


def as_json(scope: Scope) -> Scope:
    """The request as one of JSON, which its body has been made."""
    kept = [pair for pair in scope["headers"] if pair[0] not in _OF_THE_BODY]
    return {**scope, "headers": [*kept, (b"content-type", b"application/json")]}
