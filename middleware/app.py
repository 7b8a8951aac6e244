"""The service: which parts it has, and how they are wired."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware import health
from middleware.aws import Aws
from middleware.bedrock import errors, paths
from middleware.bedrock.api import BedrockApi
from middleware.bedrock.catalogue import Catalogue
from middleware.database import Database
from middleware.errors import render_openai
from middleware.guard import Guard
from middleware.passthrough import PassThrough, raw_path
from middleware.settings import Settings
from middleware.telemetry import Telemetry, configure_logging
from middleware.upstream import Upstream
from middleware.websocket import WebSocketRelay


def create_app(settings: Settings | None = None) -> ASGIApp:
    """The ASGI application; without `settings`, the environment's."""
    settings = settings or Settings()
    configure_logging(settings.log_level)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = settings
        app.state.upstream = Upstream(settings)
        app.state.database = Database(settings)
        app.state.aws = Aws(settings, app.state.upstream)
        app.state.catalogue = Catalogue(app.state.upstream, settings.litellm_key.get_secret_value())
        app.state.catalogue.start()
        try:
            yield
        finally:
            await app.state.catalogue.close()
            await app.state.upstream.close()
            await app.state.database.close()

    # No docs of its own: `/`, `/docs` and `/openapi.json` are LiteLLM's.
    app = FastAPI(
        title="gateway middleware",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.include_router(health.router)
    app.router.redirect_slashes = False
    return Telemetry(_FrontDoor(app, health.router))


_NAME = re.compile(r"\(\?P<\w+>")  # two routes may name a parameter alike, one expression may not


class _FrontDoor:
    """Sends each request where it is served: routes of ours, the Bedrock API by raw path, LiteLLM.

    FastAPI sees only what one of its routes serves. Its way to a default route costs more than a bare
    pass-through altogether, which every model call would pay.
    """

    def __init__(self, app: FastAPI, *routers: APIRouter) -> None:
        """Stand before `app`, which includes `routers` under their own paths."""
        self._app = app
        own = (route for router in routers for route in router.routes if isinstance(route, Route))
        self._own = re.compile("|".join(_NAME.sub("(?:", r.path_regex.pattern) for r in own))
        self._http = Guard(PassThrough(), render_openai)
        self._websocket = Guard(WebSocketRelay(), render_openai)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serving(scope)(scope, receive, send)

    def _serving(self, scope: Scope) -> ASGIApp:
        if scope["type"] == "lifespan":
            return self._app
        path: str = scope["path"]
        if self._own.match(path):
            return self._app
        scope["app"] = self._app
        if scope["type"] == "websocket":
            return self._websocket
        if path.startswith(paths.PREFIX) and (found := paths.parse(raw_path(scope))):
            return Guard(BedrockApi(found), errors.render)
        return self._http
