"""Two replicas of the service, one of which is killed; and one that learns what the other was told."""

from __future__ import annotations

import itertools
import json
import os
import signal
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from gateway_lib.local.client import RunningStack
from tests.conftest import wait_until

from ..callers import Caller

CALLERS, MOST = 6, 5.0
"""Callers at once; seconds within which a kill switch has to act."""


@pytest.fixture
def doors(stack: RunningStack, caller: Caller) -> Iterator[dict[str, httpx.Client]]:
    """A client of each replica, by its name among the stack's components."""
    trusted = ssl.create_default_context(cafile=stack.environment["SSL_CERT_FILE"])
    bearer = {"Authorization": f"Bearer {caller.key}"}
    options: dict[str, Any] = {"headers": bearer, "timeout": 30, "trust_env": False}
    with (
        httpx.Client(base_url=stack.environment["GATEWAY_BASE_URL"], **options) as plain,
        httpx.Client(
            base_url=stack.environment["GATEWAY_TLS_URL"], verify=trusted, **options
        ) as secure,
    ):
        yield {"middleware": plain, "middleware-tls": secure}


def ask(door: httpx.Client, model: str, identifier: str, streamed: bool) -> httpx.Response:
    """A call whose request id is also its user and what it says."""
    body = {
        "model": model,
        "user": identifier,
        "stream": streamed,
        "messages": [{"role": "user", "content": f"echo: {identifier}"}],
    }
    headers = {"x-request-id": identifier}
    return door.post("/v1/chat/completions", json=body, headers=headers)


def killed(stack: RunningStack, name: str) -> int:
    """Kill a component, as the kernel would that runs out of memory; returns its process id."""
    (found,) = (part for part in stack.state.snapshot()["components"] if part["name"] == name)
    os.kill(found["pid"], signal.SIGKILL)
    return int(found["pid"])


def is_back(stack: RunningStack, name: str, before: int) -> bool:
    (found,) = (part for part in stack.state.snapshot()["components"] if part["name"] == name)
    return found["status"] == "ready" and found["pid"] != before


def arrived(stack: RunningStack, prefix: str) -> list[str]:
    """The calls that providers received, by what they say, each as often as it came."""
    url = f"{stack.environment['GATEWAY_SIMULATOR_URL']}/control/received"
    texts = [
        json.dumps(entry["body"]) for entry in httpx.get(url, trust_env=False, timeout=60).json()
    ]
    return [text[text.index(prefix) :][: len(prefix) + 33] for text in texts if prefix in text]


def test_no_exposure_is_lost_or_doubled_when_a_replica_is_killed(stack, hasty, begin, doors, admin):
    experiment = begin()
    prefix = f"kill{uuid.uuid4().hex[:8]}"
    answered: dict[str, str] = {}
    asked: list[str] = []
    over = threading.Event()

    def call(number: int) -> None:
        for turn in itertools.count():
            if over.is_set():
                return
            identifier = f"{prefix}-{uuid.uuid4().hex}"
            asked.append(identifier)
            try:
                answer = ask(doors["middleware"], experiment.model, identifier, turn % 2 == 0)
            except httpx.HTTPError:
                time.sleep(0.1)
                continue
            if answer.status_code == 200:
                answered[identifier] = answer.headers["x-experiment-arm"]

    with ThreadPoolExecutor(CALLERS) as pool:
        calling = [pool.submit(call, number) for number in range(CALLERS)]
        try:
            wait_until(lambda: len(answered) > 60)
            before = killed(stack, "middleware")
            wait_until(lambda: is_back(stack, "middleware", before))
            again = len(answered)
            wait_until(lambda: len(answered) > again + 60)
        finally:
            over.set()
        for one in calling:
            one.result()

    received = arrived(stack, prefix)
    assert len(received) == len(set(received)), "a call was made twice"
    rows = every_row(admin, experiment.name)
    ids = [row["request_id"] for row in rows]
    units = {row["unit"] for row in rows}
    assert len(ids) == len(set(ids)) == len(units), "an exposure was doubled"
    assert set(received) <= set(ids), "a provider was asked without an exposure"
    assert set(ids) <= set(asked)
    arms = {row["request_id"]: row["arm"] for row in rows}
    assert {one: arms[one] for one in answered} == answered
    # what was under way then has no outcome, and is counted as such; nothing else has none
    still_open = [row["request_id"] for row in rows if not row["ended"]]
    assert len(set(still_open) - set(answered)) <= CALLERS


def every_row(admin: httpx.Client, name: str) -> list[dict[str, Any]]:
    """All rows of an experiment, once no more outcomes are written."""
    counts: list[int] = []
    while True:
        answer = admin.get(f"/experiments/{name}/outcomes", params={"limit": 5000})
        assert answer.status_code == 200 and "x-next" not in answer.headers
        rows = [json.loads(line) for line in answer.text.splitlines()]
        counts.append(sum(row["ended"] for row in rows))
        if counts[-1:] * 3 == counts[-3:]:
            return rows
        time.sleep(0.5)


@pytest.mark.parametrize("told", ["middleware", "middleware-tls"])
def test_the_kill_switch_acts_on_every_replica(stack, hasty, begin, doors, admin, told):
    experiment = begin({"name": "control", "model": "gpt-4o-mini"}, TREATMENT, unit="request")

    def arms(door: httpx.Client) -> set[str | None]:
        answers = [ask(door, experiment.model, uuid.uuid4().hex, False) for _ in range(8)]
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.headers["x-experiment"] for answer in answers} == {experiment.name}
        return {answer.headers.get("x-experiment-arm") for answer in answers}

    for door in doors.values():
        wait_until(lambda door=door: arms(door) == {"control", "treatment"})
    url = "GATEWAY_BASE_URL" if told == "middleware" else "GATEWAY_TLS_URL"
    stopped = httpx.post(
        f"{stack.environment[url]}/experiments/{experiment.name}/stop",
        json={"reason": "it is worse"},
        headers={"Authorization": f"Bearer {stack.environment['GATEWAY_MASTER_KEY']}"},
        verify=ssl.create_default_context(cafile=stack.environment["SSL_CERT_FILE"]),
        trust_env=False,
        timeout=60,
    )
    assert stopped.status_code == 200, stopped.text
    at = time.monotonic()
    while any(arms(door) != {None} for door in doors.values()):
        assert time.monotonic() - at < MOST, "a replica still assigns arms"
    rows = every_row(admin, experiment.name)
    time.sleep(1.0)
    for door in doors.values():
        assert arms(door) == {None}
    assert len(every_row(admin, experiment.name)) == len(rows), "an exposure after the stop"


TREATMENT = {"name": "treatment", "model": "amazon.nova-lite-v1:0", "weight": 1.0}
