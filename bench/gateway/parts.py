"""The real parts of the gateway as processes of a measurement: PostgreSQL, Redis, simulator, LiteLLM."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from bench.gateway.variants import Variant
from bench.servers import Server, running, served
from gateway_lib import config
from gateway_lib.local import certificates, ports, prisma
from gateway_lib.local.doors import Doors
from gateway_lib.local.litellm import DATABASE, LiteLLM
from gateway_lib.local.postgres import Postgres
from gateway_lib.local.redis import Redis
from gateway_lib.local.state import State

MODEL = "gpt-4o-mini"
OUTPUT_TOKENS = 32
START_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What every LiteLLM of a measurement shares."""

    state: State
    postgres: Postgres
    redis: Redis
    simulator_url: str


@dataclass(slots=True)
class Proxy:
    """A running LiteLLM, the key of a caller with a budget and limits, and how often that one has called."""

    url: str
    key: str
    process: psutil.Process
    sent: int = 0

    def cpu_seconds(self) -> float:
        """User and system time so far, of LiteLLM and its database engine."""
        family = (self.process, *self.process.children(recursive=True))
        return sum(times.user + times.system for times in (one.cpu_times() for one in family))

    def booked(self, postgres: Postgres) -> int:
        """How many calls of the key are in the log of spend in the database."""
        token = hashlib.sha256(self.key.encode()).hexdigest()
        counted = 'SELECT count(*) FROM "LiteLLM_SpendLogs" WHERE api_key = %s'
        with psycopg.connect(postgres.url(DATABASE)) as connection:
            row = connection.execute(counted, [token]).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def parts() -> Iterator[Parts]:
    """PostgreSQL, Redis and the simulator, which answers at once with a fixed number of tokens."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        state = State(Path(folder) / "state")
        state.create()
        known = state.secrets()
        postgres = Postgres(state, ports.choose(), known.postgres_password)
        redis = Redis(state, ports.choose(), known.redis_password)
        with ExitStack() as started:
            for component in (postgres.component(), redis.component()):
                started.enter_context(running(component, state.logs / f"{component.name}.log"))
            simulator = started.enter_context(
                served(["-m", "gateway_lib.simulator", "--port"], {}, "/livez")
            )
            profile = {
                "ttft_ms": {"constant": 0},
                "itl_ms": {"constant": 0},
                "output_tokens": {"constant": OUTPUT_TOKENS},
            }
            address = f"{simulator.url}/control/profiles/{MODEL}"
            httpx.put(address, json=profile).raise_for_status()
            yield Parts(state, postgres, redis, simulator.url)


@contextmanager
def proxy(shared: Parts, variant: Variant) -> Iterator[Proxy]:
    """LiteLLM under the settings of a variant, on the database and the Redis of all of them."""
    known = shared.state.secrets()
    name = f"litellm-{secrets.token_hex(4)}"
    deployed = LiteLLM(
        shared.state,
        ports.choose(),
        shared.postgres,
        shared.redis,
        shared.simulator_url,
        known,
        prisma.prepare(lambda line: None),
    )
    component = deployed.component()
    if component.prepare:
        component.prepare()
    own = shared.state.path / f"{name}.yaml"
    own.write_text(config.render(variant.configuration(deployed.configuration())))
    changed = replace(
        component,
        command=variant.command(component.command, own),
        environment=variant.environment(component.environment),
        prepare=None,
        start_seconds=START_SECONDS,
    )
    with running(changed, shared.state.logs / f"{name}.log") as server:
        yield Proxy(deployed.url, _key(deployed.url, known.master_key), server.process)


@contextmanager
def front(shared: Parts, proxy: Proxy, history: str) -> Iterator[Server]:
    """The middleware before a LiteLLM, as the local stack runs it."""
    doors = Doors(
        ports.choose(),
        ports.choose(),
        certificates.ensure(shared.state),
        proxy.url,
        shared.state.secrets().master_key,
        shared.postgres,
        shared.redis,
        "bench",
        f"{shared.simulator_url}/bedrock",
        f"{shared.simulator_url}/oidc",
    )
    component = doors.http()
    environment = {**component.environment, "MIDDLEWARE_HISTORY": history}
    changed = replace(component, environment=environment, start_seconds=START_SECONDS)
    with running(changed, shared.state.logs / f"middleware-{history}.log") as server:
        yield server


def _key(url: str, master_key: str) -> str:
    """A key of a new user, both with limits, so that everything which a call may meet is looked at."""
    headers = {"authorization": f"Bearer {master_key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=120) as client:

        def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
            answer = client.post(path, json=body)
            answer.raise_for_status()
            made: dict[str, Any] = answer.json()
            return made

        budget = {"max_budget": 1000, "budget_duration": "1d"}
        user = post("/user/new", {**budget, "auto_create_key": False})
        limits = {"rpm_limit": 10**6, "tpm_limit": 10**9}
        return str(post("/key/generate", {**budget, **limits, "user_id": user["user_id"]})["key"])
