"""The service before an upstream that stops in the middle, and callers on all four ways in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from middleware.app import create_app
from middleware.settings import Settings
from middleware.unread import giving_up_after
from tests.middleware.conftest import opened, served
from tests.middleware.history.conftest import KEY
from tests.middleware.history.litellm import MASTER

from .stopping import Stopping

Start = Callable[..., Any]


@pytest.fixture
async def upstream() -> AsyncIterator[Stopping]:
    app = Stopping()
    app.add_key(KEY, "ada")
    async with served(app) as url:
        app.url = url
        yield app
        app.go_on()


@pytest.fixture
async def start(upstream: Stopping, postgres_url: str) -> AsyncIterator[Start]:
    """Starts a service with the settings given; returns its URL."""
    async with AsyncExitStack() as stack:

        async def run(**settings: Any) -> str:
            given = {"litellm_url": upstream.url, "litellm_key": MASTER, "log_level": "warning"}
            made = Settings(**{**given, "database_url": postgres_url, **settings})
            options = {"server_header": False, "ws": "websockets-sansio"}
            options["http"] = giving_up_after(made.send_seconds)
            return await opened(
                await stack.enter_async_context(served(create_app(made), **options))
            )

        yield run
        upstream.go_on()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield session
