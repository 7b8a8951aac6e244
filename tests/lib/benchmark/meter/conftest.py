"""The simulator as a process, the meter against it, and the simulator's own word on what it sent."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pandas as pd
import psutil
import pytest

from gateway_lib.benchmark import run, spec_of
from gateway_lib.local import ports
from gateway_lib.settings import Settings
from tests.conftest import wait_until
from tests.lib.simulator.conftest import Control

MODEL, OTHER, CLAUDE = "gpt-4o-mini", "gpt-4o", "anthropic.claude-3-haiku-20240307-v1:0"
TTFT_MS, ITL_MS, TOKENS = 40, 5, 32


class Simulator:
    """A running simulator whose models all have the same times, known exactly."""

    def __init__(self, url: str, process: psutil.Process) -> None:
        self.url = url
        self.process = process
        self.control = Control(url)

    def steady(self) -> None:
        """Forget what was, and give every model of these tests its constant times."""
        self.control.reset()
        for model in (MODEL, OTHER, CLAUDE):
            self.control.profile(
                model,
                ttft_ms={"constant": TTFT_MS},
                itl_ms={"constant": ITL_MS},
                output_tokens={"constant": TOKENS},
            )

    def settings(self, interface: str = "openai") -> Settings:
        return Settings(GATEWAY_BASE_URL=f"{self.url}/{interface}", GATEWAY_API_KEY="sk-test")

    def measure(self, load: Any, **changes: Any) -> pd.DataFrame:
        """A run of a load, straight against the simulator."""
        given = {
            "models": [MODEL],
            "prompts": {"words": 20},
            "max_tokens": TOKENS,
            "target": "provider",
            "load": load,
        }
        spec = spec_of({**given, **changes})
        return run(spec, self.settings(spec.interface))

    def sent(self) -> pd.DataFrame:
        """What the simulator says it sent, indexed by request id; times in seconds since 1970."""
        entries = [entry for entry in self.control.received() if entry["first_token_at"]]
        frame = pd.DataFrame(entries)
        prefix = frame["wire"].map({"openai": "req_", "bedrock": ""})
        return frame.set_index(prefix + frame["response_id"])

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="package")
def running() -> Iterator[Simulator]:
    port = ports.choose()
    command = [sys.executable, "-m", "gateway_lib.simulator", "--port", str(port)]
    process = subprocess.Popen(command)
    url = f"http://{ports.HOST}:{port}"

    def answers() -> bool:
        assert process.poll() is None, "the simulator ended"
        try:
            return httpx.get(f"{url}/livez", timeout=60).is_success
        except httpx.TransportError:
            return False

    try:
        wait_until(answers)
        there = Simulator(url, psutil.Process(process.pid))
        yield there
        there.control.close()
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(10)


@pytest.fixture
def simulator(running: Simulator) -> Simulator:
    running.steady()
    return running
