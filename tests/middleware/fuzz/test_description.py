"""Schemathesis on the service's own OpenAPI description: what it says is what is served."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings

from middleware.app import _ROUTERS, create_app
from middleware.settings import Settings
from tests.middleware.conftest import opened, served
from tests.middleware.history.litellm import MASTER

from .test_bodies import INNER
from .upstream import ADMIN, KEY, Upstream


def description() -> FastAPI:
    """The routes of the service's own, as they describe themselves; the service itself shows LiteLLM's."""
    app = FastAPI(title="gateway middleware")
    for router in _ROUTERS:
        app.include_router(router)
    return app


SCHEMA = schemathesis.openapi.from_dict(description().openapi())
OPERATIONS = [each.ok() for each in SCHEMA.get_all_operations()]


@pytest.fixture(scope="module")
def url(postgres) -> Iterator[str]:
    """The service in a thread of its own, since Schemathesis calls and waits."""
    postgres.ensure_database("described")
    started, ended = threading.Event(), asyncio.Event()
    found: list[str] = []
    loop = asyncio.new_event_loop()

    async def run() -> None:
        async with served(Upstream()) as upstream:
            settings_ = Settings(
                litellm_url=upstream, litellm_key=MASTER, database_url=postgres.url("described")
            )
            async with served(create_app(settings_), server_header=False) as base:
                found.append(await opened(base))
                started.set()
                await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert started.wait(120)
    yield found[0]
    loop.call_soon_threadsafe(ended.set)
    thread.join(60)
    loop.close()


def conforms(operation, url: str, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    @given(case=operation.as_strategy())
    def tried(case) -> None:
        for key in (KEY, ADMIN):
            answer = case.call(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=60)
            assert answer.status_code < 500, (answer.status_code, answer.content)
            assert not INNER.search(answer.content), answer.content
            if answer.status_code >= 400:
                told = answer.json()
                on_bedrock = case.path.startswith("/bedrock/")
                assert set(told) == ({"message"} if on_bedrock else {"error"}), told

    tried()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.label.replace(" ", "-"))
def test_a_few_of_each(operation, url):
    conforms(operation, url, 50)


@pytest.mark.faults
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.label.replace(" ", "-"))
def test_many_of_each(operation, url):
    conforms(operation, url, 1_000)
