"""Callers on the one side of the whole chain, simulated providers on the other."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import httpx
import psycopg
import pytest

from gateway_lib.local.client import RunningStack
from gateway_lib.local.doors import DATABASE
from gateway_lib.local.postgres import Postgres
from tests.contract.models import CHAT
from tests.contract.provider import Provider

from .callers import Caller

MODELS = (*CHAT, "amazon.nova-lite-v1:0", "anthropic.claude-3-5-sonnet-20240620-v1:0")


@pytest.fixture(scope="module")
def hasty(stack: RunningStack) -> Iterator[Provider]:
    """The simulated providers, answering without delay for the time of this module."""
    with httpx.Client(timeout=60, trust_env=False) as http:
        provider = Provider(http, stack.environment["GATEWAY_SIMULATOR_URL"])
        profiles = {model: provider.hurry(model) for model in MODELS}
        yield provider
        for model, profile in profiles.items():
            provider.restore(model, profile)


@pytest.fixture
def provider(hasty: Provider) -> Iterator[Provider]:
    yield hasty
    hasty.heal()


@pytest.fixture
def marker() -> str:
    """A word that no other request has; letters only, since the models pick up numbers."""
    return "marker" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(12))


@pytest.fixture(scope="module")
def master(stack: RunningStack) -> Iterator[Caller]:
    """Whoever has the master key."""
    with closing(Caller(stack.environment, stack.environment["GATEWAY_MASTER_KEY"])) as caller:
        yield caller


@pytest.fixture(scope="module")
def someone(stack: RunningStack, master: Caller) -> Iterator[Callable[..., Caller]]:
    """Makes a caller with a key of its own; or with the one given. Options are `/key/generate`'s."""
    with ExitStack() as made:

        def make(key: str = "", **options: object) -> Caller:
            if not key:
                answer = master.http.post("/key/generate", json=options)
                assert answer.status_code == 200, answer.text
                key = answer.json()["key"]
            return made.enter_context(closing(Caller(stack.environment, key)))

        yield make


@pytest.fixture(scope="module")
def caller(someone: Callable[..., Caller]) -> Caller:
    """Somebody, the same for a whole module."""
    return someone()


@pytest.fixture
def database(stack: RunningStack) -> Iterator[psycopg.Connection]:
    """The middleware's own database, to look into."""
    (port,) = (part["port"] for part in stack.snapshot["components"] if part["name"] == "postgres")
    server = Postgres(stack.state, port, stack.state.secrets().postgres_password)
    with psycopg.connect(server.url(DATABASE), autocommit=True) as connection:
        yield connection
