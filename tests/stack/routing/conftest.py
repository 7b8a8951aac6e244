"""The gateway as the routing checks see it: its settings, and providers that answer at once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from gateway_lib.clients import AdminClient
from gateway_lib.experiments.routing.examples import MODELS
from gateway_lib.experiments.routing.provider import Simulator
from gateway_lib.local.client import RunningStack
from gateway_lib.settings import Settings, settings_of


@pytest.fixture(scope="module")
def settings(stack: RunningStack) -> Settings:
    """Of the stack, its administrator's and a user's key with them."""
    bundle = stack.environment["AWS_CA_BUNDLE"]
    return settings_of({**stack.environment, "GATEWAY_CA_BUNDLE": bundle})


@pytest.fixture(scope="module")
def simulator(stack: RunningStack) -> Iterator[Simulator]:
    """The simulated providers; the models of the examples answer at once."""
    with (
        closing(Simulator(stack.environment["GATEWAY_SIMULATOR_URL"])) as simulator,
        simulator.quick(MODELS),
    ):
        yield simulator


@pytest.fixture
def name() -> str:
    """A public name that nobody has."""
    return f"routed-{secrets.token_hex(4)}"


@pytest.fixture
def listed(settings: Settings) -> Callable[[str], int]:
    """How many deployments of a name LiteLLM lists."""

    def count(name: str) -> int:
        with AdminClient(settings) as admin:
            return sum(one["model_name"] == name for one in admin.get("/v1/model/info")["data"])

    return count
