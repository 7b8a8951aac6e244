"""The service: which parts it has, and how they are wired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware import health
from middleware.database import Database
from middleware.errors import ServiceError
from middleware.guard import Guard
from middleware.passthrough import PassThrough
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
        try:
            yield
        finally:
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
    """Everything that no route of the service serves goes to LiteLLM."""

    def __init__(self) -> None:
        self._http = Guard(PassThrough(), ServiceError.as_openai)
        self._websocket = Guard(WebSocketRelay(), ServiceError.as_openai)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        serve = self._websocket if scope["type"] == "websocket" else self._http
        await serve(scope, receive, send)
