"""The middleware on a real socket, before an upstream on a real socket that does as it is told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
import uvicorn
from starlette.types import ASGIApp

from middleware.app import create_app
from middleware.settings import Settings

from .origin import Origin


@asynccontextmanager
async def served(app: ASGIApp, **options) -> AsyncIterator[str]:
    """Serve an ASGI application on loopback; yields its base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
        **options,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield "http://{}:{}".format(*listener.getsockname())
    finally:
        server.should_exit = True
        await task
        listener.close()


async def opened(url: str) -> str:
    """The URL of a middleware, once its database is open: it listens before."""
    async with aiohttp.ClientSession() as session:
        for _ in range(500):
            async with session.get(f"{url}/readyz") as response:
                if (await response.json())["database"] == "connected":
                    return url
            await asyncio.sleep(0.02)
    raise AssertionError("the database stayed closed")


def state_of(app):
    """The state of the service inside whatever stands before it."""
    while not hasattr(app, "state"):
        app = app._app
    return app.state


async def eventually(condition) -> None:
    """Let other tasks run until `condition` holds, two seconds at most."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0.02)


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """The upstream."""
    app = Origin()
    async with served(app, ws="websockets-sansio") as url:
        app.url = url
        yield app


@pytest.fixture
async def gateway(origin: Origin, postgres_url: str) -> AsyncIterator[str]:
    """Base URL of a middleware before `origin`."""
    settings = Settings(
        litellm_key="sk-service",
        litellm_url=origin.url,
        database_url=postgres_url,
        read_seconds=1.0,
    )
    async with served(create_app(settings), server_header=False, ws="websockets-sansio") as url:
        yield await opened(url)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session
