"""How many requests the process serves at once: one more is refused at once, before anything is done for it.

What waits costs memory and a connection, and by the time it is served its caller may have left. A refusal
costs neither, and its caller is told when to come again. Checks of health and the counters are always
served: a process that is busy is not one that is ill.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware.bedrock import errors, paths
from middleware.errors import ServiceError, render_anthropic, render_openai
from middleware.guard import Guard
from middleware.pace import Paced
from middleware.settings import Settings

_ANTHROPIC = "/v1/messages"


class AtCapacity(ServiceError):
    """The process serves as many requests as it may. This one was not sent on: a retry repeats nothing."""

    status = 503
    code = "gateway_overloaded"
    standard = "The gateway serves as many requests as it can. Try again shortly."
    standard_headers: ClassVar = {"retry-after": "1"}


class Capacity:
    """An ASGI application that lets so many requests and websockets at once through to another."""

    def __init__(self, app: ASGIApp, settings: Settings, always: Iterable[BaseRoute]) -> None:
        """Let them through to `app`; the paths of `always` are neither counted nor refused."""
        self.in_flight = 0
        self._app = app
        # one that waited for a connection to LiteLLM would wait without an end
        self._limit = min(settings.max_requests, settings.max_upstream_connections)
        self._body_seconds = settings.body_seconds
        self._always = frozenset(route.path for route in always if isinstance(route, Route))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in self._always:
            await self._app(scope, receive, send)
        elif self.in_flight >= self._limit:
            await _refuse(scope, receive, send)
        else:
            if scope["type"] == "http":  # a place is not for those who never say what they want
                receive = Paced(receive, self._body_seconds)
            self.in_flight += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self.in_flight -= 1


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Say so in the caller's own protocol."""
    path: str = scope["path"]
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close"})  # before it was accepted: the handshake is refused
        return
    if path.startswith(paths.PREFIX):
        render = errors.render
    else:
        render = render_anthropic if path.endswith(_ANTHROPIC) else render_openai
    await Guard(_at_capacity, render)(scope, receive, send)


async def _at_capacity(scope: Scope, receive: Receive, send: Send) -> None:
    raise AtCapacity
