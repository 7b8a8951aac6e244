"""The complete gateway on one machine, put together from its components."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_lib import config
from gateway_lib.errors import ComponentFailed, GatewayError, PortTaken
from gateway_lib.local import certificates, demo, ports, prisma, simulated
from gateway_lib.local.component import Component
from gateway_lib.local.doors import Doors
from gateway_lib.local.http import answers
from gateway_lib.local.litellm import LiteLLM
from gateway_lib.local.postgres import Postgres
from gateway_lib.local.redis import Redis
from gateway_lib.local.state import State
from gateway_lib.local.supervisor import Supervisor

REGION = "us-east-1"
READY_SECONDS = 30.0
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each component listens on loopback."""

    http: int
    https: int
    litellm: int
    postgres: int
    redis: int
    simulator: int

    @classmethod
    def choose(cls, http: int | None = None, https: int | None = None) -> Ports:
        """Free ports; those named are checked. Raises `PortTaken`."""
        if http and http == https:
            raise PortTaken(f"port {http} cannot be both the http and the https port")
        named, chosen = [port for port in (http, https) if port], list[int]()
        for wanted in (http, https, None, None, None, None):
            chosen.append(ports.claim(wanted) if wanted else ports.choose([*named, *chosen]))
        return cls(*chosen)


def serve(
    state: State,
    chosen: Ports,
    *,
    report: Callable[[str], None],
    on_ready: Callable[[dict[str, Any]], None] = lambda facts: None,
    owner: int | None = None,
    lock: int | None = None,
) -> None:
    """Run the stack in this process until it is told to stop. The main thread only: it takes signals.

    The folder stays locked until the process ends, so that who waits for the lock waits for all of it.

    Args:
        state: its folder; created where missing, locked while the stack runs.
        chosen: where to listen.
        report: takes one line for people.
        on_ready: called with the stack's URLs once all of it is healthy.
        owner: the id of the parent process without which the stack shall not run.
        lock: the descriptor of a lock on the folder that the parent process took for this one.
    """
    state.create()
    if lock is None:
        state.lock()
    else:
        state.adopt(lock)
    try:
        state.record({"status": "starting", "pid": os.getpid()})
        secrets = state.secrets()
        files = certificates.ensure(state)
        engine = prisma.prepare(report)
        postgres = Postgres(state, chosen.postgres, secrets.postgres_password)
        redis = Redis(state, chosen.redis, secrets.redis_password)
        simulator = _simulator(state, chosen.simulator)
        litellm = LiteLLM(
            state, chosen.litellm, postgres, redis, simulator.address, secrets, engine
        )
        doors = Doors(
            chosen.http,
            chosen.https,
            files,
            litellm.url,
            secrets.master_key,
            postgres,
            redis,
            config.digest(litellm.configuration()),
            f"{simulator.address}/bedrock",
            f"{simulator.address}/oidc",
        )
        facts = {
            "base_url": doors.http_url,
            "tls_url": doors.https_url,
            "simulator_url": simulator.address,
            "region": REGION,
            "authority": str(files.authority),
            "bundle": str(files.bundle),
        }

        def finish() -> None:
            _wait_until_ready_to_serve(doors)
            demo.ensure_user(doors.http_url, secrets)
            on_ready(facts)

        stages = [
            [postgres.component(), redis.component(), simulator],
            [litellm.component(), doors.http(), doors.https()],
        ]
        with Supervisor(state, stages, report=report, facts=facts, owner=owner) as supervisor:
            supervisor.run(finish)
    except GatewayError as error:
        state.record({**state.snapshot(), "status": "failed", "message": str(error)})
        raise


def _wait_until_ready_to_serve(doors: Doors) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not answers(f"{doors.http_url}/readyz"):
        if time.monotonic() > deadline:
            raise ComponentFailed(
                f"every component runs, but {doors.http_url}/readyz was not 200 after {READY_SECONDS:.0f} s"
            )
        time.sleep(0.1)


def _simulator(state: State, port: int) -> Component:
    address = f"http://{ports.HOST}:{port}"
    described = _ROOT / "config" / "simulator.yaml"

    def prepare() -> None:
        known = config.read(described).get("models") or {}
        more = simulated.models(config.load_local(), known)
        state.write("simulated-models.yaml", config.render(more))

    return Component(
        name="simulator",
        command=[
            sys.executable,
            "-m",
            "gateway_lib.simulator",
            f"--port={port}",
            f"--config={described}",
            f"--models={state.path / 'simulated-models.yaml'}",
            f"--questions={_ROOT / 'config' / 'questions' / 'general.jsonl'}",
        ],
        ready=lambda: answers(f"{address}/livez"),
        port=port,
        address=address,
        prepare=prepare,
    )
