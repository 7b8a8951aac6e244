"""Real clients, unmodified, and one that forgives nothing, against the live local stack."""

from __future__ import annotations

import json
import secrets
import ssl
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_lib.local.client import RunningStack
from tests.contract.environments import environment
from tests.contract.models import CHAT
from tests.contract.provider import Provider
from tests.contract.strict import Reply, StrictClient
from tests.contract.turns import png

Ask = Callable[..., Reply]
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="package")
def variables(stack: RunningStack) -> dict[str, str]:
    """What ``gateway env`` prints, as far as it concerns an ordinary user."""
    kept = dict(stack.environment)
    del kept["GATEWAY_MASTER_KEY"], kept["GATEWAY_STATE_DIR"]
    return kept


@pytest.fixture(scope="package")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="package")
def hasty(http: httpx.Client, variables: dict[str, str]) -> Iterator[Provider]:
    """The simulated providers, answering without delay for the time of this package."""
    provider = Provider(http, variables["GATEWAY_SIMULATOR_URL"])
    profiles = {model: provider.hurry(model) for model in CHAT}
    yield provider
    for model, profile in profiles.items():
        provider.restore(model, profile)


@pytest.fixture
def provider(hasty: Provider) -> Iterator[Provider]:
    yield hasty
    hasty.heal()


@pytest.fixture
def strict(http: httpx.Client, variables: dict[str, str], provider: Provider) -> StrictClient:
    endpoint = f"{variables['GATEWAY_BASE_URL']}/bedrock"
    return StrictClient(http, endpoint, variables["GATEWAY_API_KEY"])


@pytest.fixture(scope="package")
def secure(variables: dict[str, str]) -> Iterator[httpx.Client]:
    """Trusts the https door and speaks HTTP/2 to it."""

    def check(response: httpx.Response) -> None:
        assert response.http_version == "HTTP/2"

    trust = ssl.create_default_context(cafile=variables["SSL_CERT_FILE"])
    hooks = {"response": [check]}
    with httpx.Client(
        http2=True, verify=trust, event_hooks=hooks, timeout=60, trust_env=False
    ) as it:
        yield it


@pytest.fixture
def strict_http2(
    secure: httpx.Client, variables: dict[str, str], provider: Provider
) -> StrictClient:
    endpoint = variables["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"]
    return StrictClient(secure, endpoint, variables["GATEWAY_API_KEY"])


@pytest.fixture
def marker() -> str:
    """A word that no other request has: it finds a request at its provider, and misses every cache.

    Letters only, because the simulated models pick numbers up from what they are told.
    """
    return "marker" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(12))


@pytest.fixture(params=CHAT)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["converse", "converse-stream"])
def operation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ask(strict: StrictClient, model: str, operation: str) -> Ask:
    """Sends a Converse body to each model, plain and streamed."""

    def send(body: dict[str, object]) -> Reply:
        return strict.ask(operation, model, body)

    return send


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A PNG file."""
    path = tmp_path / "picture.png"
    path.write_bytes(png(120))
    return path


@pytest.fixture
def run(
    variables: dict[str, str], provider: Provider, marker: str, picture: Path, tmp_path: Path
) -> Run:
    """Runs a program in the environment of its folder here; returns the JSON it printed."""
    home = tmp_path / "home"
    home.mkdir()

    def program(path: str, model: str, *arguments: str) -> dict[str, Any]:
        name, _, file = path.partition("/")
        given = {"CONTRACT_MODEL": model, "CONTRACT_MARKER": marker, "CONTRACT_PNG": str(picture)}
        done = environment(name).run(
            file, *arguments, variables={**variables, **given}, folder=home
        )
        assert done.returncode == 0, f"{done.stdout[-2000:]}{done.stderr[-4000:]}"
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    return program
