"""The service: which parts it has, and how they are wired."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import unquote

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware import handlers, health
from middleware.admission.admission import Admission
from middleware.admission.capacity import Capacity
from middleware.admission.inference import Inference
from middleware.auth import Keys
from middleware.aws import Aws
from middleware.bedrock import errors, paths
from middleware.bedrock.api import BedrockApi
from middleware.budgets.budgets import Budgets
from middleware.budgets.management import Management, manages
from middleware.budgets.metering import Metering
from middleware.catalogue import Catalogue
from middleware.chat import paths as chat_paths
from middleware.chat.api import ChatApi
from middleware.database import Database
from middleware.errors import render_openai
from middleware.experiments import api as experiments_api
from middleware.experiments.experiments import Experiments
from middleware.guard import Guard
from middleware.guardrails.checking import Checking
from middleware.guardrails.guardrails import Guardrails
from middleware.guardrails.realtime import Realtime
from middleware.history import api as history
from middleware.history.archive import Archive
from middleware.history.conversations import Conversations
from middleware.history.retention import Retention
from middleware.identity import api as identity
from middleware.identity.gate import Gate, load_policy
from middleware.identity.routes import meaning
from middleware.intake.addresses import AllowedHosts
from middleware.intake.intake import Intake
from middleware.intake.origins import Origins, origins
from middleware.logs import configure_logging
from middleware.metrics import api as metrics
from middleware.metrics.lag import Lag
from middleware.metrics.observing import request_ended
from middleware.passthrough import PassThrough, raw_path
from middleware.prompts.prompts import Prompts
from middleware.remembered import Remembered
from middleware.settings import Settings
from middleware.telemetry import Telemetry, Tracing
from middleware.tracing.choice import chosen
from middleware.upstream import Upstream
from middleware.websocket import WebSocketRelay

if TYPE_CHECKING:
    from middleware.tracing.exporting import Exporting


def create_app(settings: Settings | None = None) -> ASGIApp:
    """The ASGI application; without `settings`, the environment's."""
    settings = settings or Settings()
    configure_logging(settings.log_level)
    policy = load_policy(settings)
    exporting = chosen(os.environ)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = settings
        app.state.config_hash = _config_hash(settings)
        upstream = app.state.upstream = Upstream(settings)
        keys = app.state.keys = Keys(settings, upstream)
        aws = app.state.aws = Aws(settings, upstream)
        app.state.prompts = Prompts(settings, aws)
        app.state.admission = Admission(settings)
        app.state.hosts = AllowedHosts(settings.address_hosts)
        key = settings.litellm_key.get_secret_value()
        catalogue = app.state.catalogue = Catalogue(upstream, key)
        app.state.guardrails = Guardrails(settings, upstream, keys, catalogue)
        database = app.state.database = Database(settings)
        budgets = app.state.budgets = Budgets(settings, database, upstream, catalogue)
        conversations = app.state.conversations = Conversations(settings, database)
        experiments = app.state.experiments = Experiments(
            settings, database, keys, conversations, catalogue
        )
        by_user = settings.session_owner == "user"
        app.state.archive = Archive(database, by_user=by_user)
        retention = Retention(database, settings.history_days)
        gate = app.state.gate = Gate(settings, policy, upstream, keys, database)
        database.start()
        catalogue.start()
        budgets.start()
        experiments.start()
        retention.start()
        lag = Lag()
        lag.start()
        try:
            yield
        finally:
            served = (lag, retention, experiments, conversations, budgets, catalogue)
            for part in (*served, gate, keys, upstream, database):
                await part.close()
            if exporting:
                await exporting.close()

    # No docs of its own: `/`, `/docs` and `/openapi.json` are LiteLLM's.
    app = FastAPI(
        title="gateway middleware",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    # the parts, as plain attributes: each request asks for them eight times and more, and each time
    # starlette's own `State` would have a function of its look
    app.state = cast("State", SimpleNamespace())
    handlers.install(app)
    for router in _ROUTERS:
        app.include_router(router)
    app.router.redirect_slashes = False
    served = Intake(_FrontDoor(app), settings)
    door = Capacity(served, settings, (*health.router.routes, *metrics.router.routes))
    shown = Origins(door, origins(settings.cors_origins))
    telemetry = app.state.telemetry = Telemetry(shown, request_ended, _spans(exporting))
    return telemetry


def _spans(exporting: Exporting | None) -> Tracing | None:
    if exporting is None:
        return None
    from middleware.tracing.spans import Spans

    return Spans(exporting.tracer)


def _config_hash(settings: Settings) -> str | None:
    """The hash of LiteLLM's configuration, from the settings or from the file that they name."""
    file = settings.config_hash_file
    return settings.config_hash or (Path(file).read_text().strip() if file else None)


_ROUTERS = (
    health.router,
    metrics.router,
    history.router,
    identity.router,
    experiments_api.router,
)
_CHAT = "/chat/completions"
_NAME = re.compile(r"\(\?P<\w+>")  # two routes may name a parameter alike, one expression may not


class _Way(NamedTuple):
    """What becomes of the requests of one path."""

    app: ASGIApp
    """Who serves those of http; it holds nothing of a request."""
    may_be_governed: bool
    """Whether some of them are an administrator's, or cost everybody. Calls of models are neither."""


class _FrontDoor:
    """Sends each request where it is served: routes of ours, the Bedrock API by raw path, LiteLLM.

    FastAPI sees only what one of its routes serves. Its way to a default route costs more than a bare
    pass-through altogether, which every model call would pay.
    """

    def __init__(self, app: FastAPI) -> None:
        """Stand before `app`, which includes the routers of ours under their own paths."""
        self._app = app
        own = (route for router in _ROUTERS for route in router.routes if isinstance(route, Route))
        self._own = re.compile("|".join(_NAME.sub("(?:", r.path_regex.pattern) for r in own))
        self._http = Guard(Checking(Inference(Metering(PassThrough()))), render_openai)
        self._websocket = Guard(Metering(Realtime(WebSocketRelay())), render_openai)
        self._way = Remembered(self._found)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        scope["app"] = self._app
        serving, may_be_governed = self._way(raw_path(scope))
        gate: Gate = self._app.state.gate
        if scope["type"] == "websocket":
            serving = serving if serving is self._app else self._websocket
        elif may_be_governed:
            if serving is not self._app and gate.governs(scope):
                serving = Guard(gate.governor(scope), render_openai)
            if manages(scope):
                serving = Guard(Management(serving), render_openai)
        if gate.exchanges(scope):
            render = errors.render if scope["path"].startswith(paths.PREFIX) else render_openai
            serving = Guard(gate.exchange(serving), render)
        await serving(scope, receive, send)

    def _found(self, raw: str) -> _Way:
        path = unquote(raw)
        means = meaning(path)
        return _Way(self._serving(path, raw), means.is_managed or means.is_dear)

    def _serving(self, path: str, raw: str) -> ASGIApp:
        if self._own.match(path):
            return self._app
        if path.endswith(_CHAT) and (model := chat_paths.parse(raw)) is not None:
            return Guard(ChatApi(model), render_openai)
        if path.startswith(paths.PREFIX) and (found := paths.parse(raw)):
            return Guard(BedrockApi(found), errors.render)
        return self._http
