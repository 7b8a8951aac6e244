"""Somebody who talks to the whole gateway, whose simulated models answer at once."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator

import aiohttp
import httpx
import pytest

from .talking import MODELS, Talk


@pytest.fixture
def key(stack) -> Iterator[str]:
    simulator = stack.environment["GATEWAY_SIMULATOR_URL"]
    at_once = {"ttft_ms": {"constant": 20}, "itl_ms": {"constant": 2}}
    with httpx.Client(timeout=60, trust_env=False) as http:
        for model in MODELS:
            http.put(f"{simulator}/control/profiles/{model}", json=at_once).raise_for_status()
        master = {"authorization": f"Bearer {stack.environment['GATEWAY_MASTER_KEY']}"}
        made = http.post(f"{stack.base_url}/key/generate", json={}, headers=master)
        yield made.raise_for_status().json()["key"]
        http.post(f"{simulator}/control/reset")


@pytest.fixture
async def talk(stack, key) -> AsyncIterator[Talk]:
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield Talk(http, stack.base_url, key, f"mark{secrets.token_hex(4)}")
