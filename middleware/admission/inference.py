"""Calls that are passed through to LiteLLM: they wait like all others, and are otherwise left alone."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from typing import Any

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware.admission.admission import Admission
from middleware.admission.priority import taken_from
from middleware.again import again
from middleware.auth import Keys
from middleware.caller import MAX_BODY, Caller
from middleware.json_object import encoded

_PATHS = re.compile(r"(?:/v1)?/(?:completions|embeddings|responses)|/v1/messages")


class Inference:
    """Stands before the pass-through. Without limits it does nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope["app"].state
        admission: Admission = state.admission
        if admission.is_off or scope["method"] != "POST" or not _PATHS.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        keys: Keys = state.keys
        identity = await keys.identify(scope)
        caller = Caller(receive)
        body = await caller.whole(MAX_BODY)
        fields = _fields(body)
        asked = None
        if "priority" in fields:
            asked = taken_from(fields)
            body = encoded(fields)
        model = fields.get("model")
        priority = admission.priority(asked, identity.priority)
        slot = admission.slot(model if isinstance(model, str) else "", priority)
        async with AsyncExitStack() as held:
            with caller.watched():
                await held.enter_async_context(slot)
            await self._app(scope, again(body, receive), send)


def _fields(body: bytes) -> dict[str, Any]:
    """The body's object; an empty one where it is none, which LiteLLM will say."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}
