"""The fetching of prompts against the simulator, which checks signatures as AWS does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from middleware.aws import Aws
from middleware.prompts.prompts import Prompts
from middleware.settings import Settings
from middleware.upstream import Upstream
from tests.lib.simulator.conftest import Control, control, control_client, server

__all__ = ["Control", "control", "control_client", "server"]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[pytest.MonkeyPatch]:
    """The local stack's credentials, and no others."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "simulated")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "simulated")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    yield monkeypatch


def settings(**changes: Any) -> Settings:
    nowhere = {"litellm_key": "sk-service", "database_url": "postgresql://127.0.0.1:9/none"}
    return Settings(**(nowhere | changes))


MakeAws = Callable[..., Awaitable[Aws]]


@pytest.fixture
async def make_aws() -> AsyncIterator[MakeAws]:
    async with AsyncExitStack() as stack:

        async def make(**changes: Any) -> Aws:
            known = settings(**changes)
            upstream = Upstream(known)
            stack.push_async_callback(upstream.close)
            return Aws(known, upstream)

        yield make


MakePrompts = Callable[..., Awaitable[Prompts]]


@pytest.fixture
def make_prompts(server: str, make_aws: MakeAws) -> MakePrompts:
    async def make(**changes: Any) -> Prompts:
        given = {"bedrock_agent_endpoint": f"{server}/bedrock-agent"} | changes
        return Prompts(settings(**given), await make_aws(**given))

    return make


@pytest.fixture
async def prompts(make_prompts: MakePrompts, control: Control) -> Prompts:
    """Prompts of a simulator that was just reset."""
    return await make_prompts()


def fetched(control: Control, id: str) -> int:
    """How often the simulator was asked for a prompt."""
    return len(control.received(model=id))
