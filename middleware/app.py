"""The service: which parts it has, and how they are wired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
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
    app.router.default = _FrontDoor()
    return Telemetry(app)


class _FrontDoor:
    """What no route of the service serves: the Bedrock API by raw path, all else to LiteLLM."""

    def __init__(self) -> None:
        self._http = Guard(PassThrough(), render_openai)
        self._websocket = Guard(WebSocketRelay(), render_openai)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        serve: ASGIApp = self._websocket if scope["type"] == "websocket" else self._http
        if scope["path"].startswith(paths.PREFIX) and (found := paths.parse(raw_path(scope))):
            serve = Guard(BedrockApi(found), errors.render)
        await serve(scope, receive, send)
