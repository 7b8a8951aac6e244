"""Which web pages may call the gateway from a browser (CORS). LiteLLM's own headers say: all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::\d{1,5})?")
_SHOWN = ("retry-after", "x-request-id", "x-litellm-response-cost", "x-litellm-model-id")


def origins(text: str) -> tuple[str, ...]:
    """The origins of a setting.

    Raises:
        ValueError: one of them is no origin; `*` is none, since a list is the point.
    """
    found = tuple(each.strip().rstrip("/").lower() for each in text.split(",") if each.strip())
    for each in found:
        if _ORIGIN.fullmatch(each) is None:
            raise ValueError(f"{each!r} is no origin, as https://app.example.com is one")
    return found


class Origins:
    """Stands before everything that answers, refusals among it: a page has to be able to read those, too.

    Pages of other origins read nothing; cookies are never asked for.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)
        self._cors = CORSMiddleware(
            app,
            allow_origins=sorted(self._allowed),
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("*",),
            allow_credentials=False,
            expose_headers=_SHOWN,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = dict(scope.get("headers", ())).get(b"origin")
        if origin is None:
            await self._app(scope, receive, send)
            return
        name = origin.decode("latin-1").lower()
        if scope["type"] == "http":
            await (self._cors if name in self._allowed else self._app)(scope, receive, send)
        elif name in self._allowed or _is_own(scope, name):
            await self._app(scope, receive, send)
        else:  # browsers ask nobody before they open a WebSocket
            await receive()
            await send({"type": "websocket.close", "code": 1008})


def _is_own(scope: Scope, origin: str) -> bool:
    """Whether it is a page of the gateway's own, LiteLLM's UI."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return urlsplit(origin).netloc == host.decode("latin-1").lower()
