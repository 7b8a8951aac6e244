"""The simulator as users run it: a process on a free port."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import openai
import pytest
from botocore.config import Config


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Base URL of a running simulator; it must stop cleanly on SIGTERM."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gateway_lib.simulator", "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    base = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while True:
        try:
            if httpx.get(f"{base}/livez", timeout=60).status_code == 200:
                break
        except httpx.TransportError:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline, "the simulator did not start"
            time.sleep(0.05)
    yield base
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=10)
    assert process.returncode in (0, -signal.SIGTERM)
    assert errors == ""


MODELS = (
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-5.4-mini",
    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "anthropic.claude-3-haiku-20240307-v1:0",
    "amazon.nova-lite-v1:0",
)


class Control:
    """The control API, for tests."""

    def __init__(self, server: str) -> None:
        self._http = httpx.Client(base_url=f"{server}/control", timeout=60)

    def faults(self, *faults: dict[str, Any]) -> list[dict[str, Any]]:
        reply = self._http.put("/faults", json=list(faults))
        assert reply.status_code == 200, reply.text
        return reply.json()

    def reset(self) -> None:
        self._http.post("/reset").raise_for_status()

    def received(self, **query: Any) -> list[dict[str, Any]]:
        return self._http.get("/received", params=query).json()

    def last(self, **query: Any) -> dict[str, Any]:
        return self.received(limit=1, **query)[-1]

    def state(self) -> dict[str, Any]:
        return self._http.get("/state").json()

    def guardrail(self, version: str, **changes: Any) -> dict[str, Any]:
        reply = self._http.put(f"/guardrails/grworkbench1/{version}", json=changes)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def profile(self, model: str, **changes: Any) -> dict[str, Any]:
        reply = self._http.put(f"/profiles/{model}", json=changes)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="session")
def control_client(server: str) -> Iterator[Control]:
    control = Control(server)
    yield control
    control.close()


@pytest.fixture
def control(control_client: Control) -> Control:
    """The control API of a simulator that was just reset."""
    control_client.reset()
    return control_client


@pytest.fixture
def base(server: str, control: Control) -> str:
    """Base URL of a simulator that was just reset."""
    return server


@pytest.fixture
def fast(control: Control) -> None:
    """Models that answer at once, for tests that are not about time."""
    for model in MODELS:
        control.profile(model, ttft_ms={"constant": 5}, itl_ms={"constant": 0})


@pytest.fixture(scope="session")
def openai_client(server: str) -> Iterator[openai.OpenAI]:
    url = f"{server}/openai/v1"
    with openai.OpenAI(base_url=url, api_key="sk-test", max_retries=0) as client:
        yield client


@pytest.fixture
def client(openai_client: openai.OpenAI, fast: None) -> openai.OpenAI:
    return openai_client


KNOWN = {"aws_access_key_id": "simulated", "aws_secret_access_key": "simulated"}
"""Credentials whose signatures the simulator can check."""


def aws(service: str, url: str, **options: Any) -> Any:
    given = {
        "region_name": "us-east-1",
        "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": "example",
    }
    return boto3.client(
        service,
        endpoint_url=url,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
        **(given | options),
    )


@pytest.fixture(scope="session")
def bedrock_client(server: str) -> Iterator[Any]:
    client = aws("bedrock-runtime", f"{server}/bedrock")
    yield client
    client.close()


@pytest.fixture
def bedrock(bedrock_client: Any, fast: None) -> Any:
    return bedrock_client


@pytest.fixture
def agent(base: str) -> Iterator[Any]:
    client = aws("bedrock-agent", f"{base}/bedrock-agent", **KNOWN)
    yield client
    client.close()
