"""The service before a LiteLLM that has guardrails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from middleware.app import create_app
from middleware.settings import Settings

from ..conftest import opened, served
from .litellm import LiteLLM

KEY = {"authorization": "Bearer sk-somebody"}


@pytest.fixture
async def litellm() -> AsyncIterator[LiteLLM]:
    app = LiteLLM()
    async with served(app, ws="websockets-sansio") as url:
        app.url = url
        yield app


@asynccontextmanager
async def gateway(litellm: LiteLLM, database: str, **settings) -> AsyncIterator[httpx.AsyncClient]:
    known = Settings(
        litellm_key="sk-service", litellm_url=litellm.url, database_url=database, **settings
    )
    async with served(create_app(known), server_header=False) as url:
        await opened(url)
        async with httpx.AsyncClient(
            base_url=url, headers=KEY, trust_env=False, timeout=60
        ) as http:
            yield http


@pytest.fixture
async def closed(litellm, postgres_url) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway(litellm, postgres_url) as http:
        yield http


@pytest.fixture
async def open_(litellm, postgres_url) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway(litellm, postgres_url, guardrails_fail_open=True) as http:
        yield http
