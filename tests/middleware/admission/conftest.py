"""The service with limits, before an upstream that answers when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from middleware.admission.admission import Admission, Load
from middleware.app import create_app
from middleware.settings import Settings
from tests.middleware.conftest import eventually, opened, served, state_of
from tests.middleware.history.litellm import MASTER, MODEL, LiteLLM, text_of

KEY = "sk-first-key-of-the-tests"


class Held(LiteLLM):
    """Answers a call, or ends its stream, when the test lets one go."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        """What was asked, in the order in which it came."""
        self.running = self.most = 0
        self._going = asyncio.Semaphore(0)

    def let_go(self, calls: int = 1) -> None:
        for _ in range(calls):
            self._going.release()

    async def _complete(self, receive: Any, send: Any, request: dict[str, Any]) -> None:
        self.texts.append(text_of(request["messages"][-1]))
        self.running += 1
        self.most = max(self.most, self.running)

        async def held(message: dict[str, Any]) -> None:
            nonlocal ends
            body = message.get("body")
            if body is not None and not ends:
                ends = b"finish_reason" in body or not message.get("more_body")
                if ends:
                    await self._going.acquire()
                    self.running -= 1
            await send(message)

        ends = False
        await super()._complete(receive, held, request)


class Service:
    """A running middleware, and calls of it on either interface."""

    def __init__(self, http: httpx.AsyncClient, admission: Admission, upstream: Held) -> None:
        self.http = http
        self.admission = admission
        self.upstream = upstream

    @property
    def load(self) -> Load:
        return self.admission.load().get(MODEL, Load(0, 0, 0))

    def call(self, interface: str, text: str, priority: Any = None, **more: Any) -> Any:
        """One call's arguments, for `http.request` or `http.stream`."""
        ours = more if priority is None else {"priority": priority, **more}
        path, body = ("/v1/chat/completions", {"model": MODEL, **chat(text), **ours})
        if interface == "bedrock":
            path = f"/bedrock/model/{MODEL}/converse"
            path += "-stream" if ours.pop("stream", False) else ""
            body = {**converse(text), "additionalModelRequestFields": ours}
        return {"url": path, "method": "POST", "json": body, "headers": bearer()}

    async def ask(self, *args: Any, **more: Any) -> httpx.Response:
        return await self.http.request(**self.call(*args, **more))

    async def begin(self, *args: Any, **more: Any) -> asyncio.Task[httpx.Response]:
        """Ask, and go on once the call runs or waits."""
        before = self.load.in_flight + self.load.waiting
        task = asyncio.create_task(self.ask(*args, **more))
        await eventually(lambda: self.load.in_flight + self.load.waiting > before or task.done())
        return task


def chat(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def converse(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"text": text}]}]}


def bearer() -> dict[str, str]:
    return {"authorization": f"Bearer {KEY}"}


@pytest.fixture
async def upstream() -> AsyncIterator[Held]:
    app = Held()
    app.add_key(KEY, "ada")
    async with served(app) as url:
        app.url = url
        yield app
        app.let_go(10_000)


Start = Callable[..., Any]


@pytest.fixture
async def start(upstream: Held, postgres_url: str) -> AsyncIterator[Start]:
    """Starts a service with a limit, and the other settings given."""
    async with AsyncExitStack() as stack:

        async def run(limit: int | None = None, **settings: Any) -> Service:
            limits = {} if limit is None else {MODEL: limit}
            given = {"database_url": postgres_url, "model_limits": limits, **settings}
            return await stack.enter_async_context(_running(upstream, given))

        yield run


@asynccontextmanager
async def _running(upstream: Held, settings: dict[str, Any]) -> AsyncIterator[Service]:
    app = create_app(Settings(litellm_url=upstream.url, litellm_key=MASTER, **settings))
    limits = httpx.Limits(max_connections=None)
    async with (
        served(app) as url,
        httpx.AsyncClient(base_url=url, timeout=30, trust_env=False, limits=limits) as http,
    ):
        await opened(url)
        yield Service(http, state_of(app).admission, upstream)
        upstream.let_go(10_000)
