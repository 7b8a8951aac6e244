"""Both arms, offline: real calls to the simulator, each prompt to each arm."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from gateway_lib.experiments.analysis import analyse
from gateway_lib.experiments.paired import Prompt, collect_pairs
from gateway_lib.settings import Settings
from tests.lib.experiments.outcomes import experiment


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gateway_lib.simulator", "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx.get(f"{base}/livez").status_code == 200:
                break
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    yield base
    process.terminate()
    process.wait(20)


def arms(second: str) -> dict[str, object]:
    return {
        **experiment().routing.model_dump(mode="json"),
        "arms": [
            {"name": "control", "model": "gpt-4o-mini", "parameters": {"max_tokens": 20}},
            {"name": "candidate", "model": second, "system": "Be brief."},
        ],
    }


async def test_every_prompt_goes_to_every_arm_and_prompts_are_compared(provider: str) -> None:
    wanted = experiment(
        routing=arms("gpt-4o-mini"),
        primary={"metric": "latency", "mde": 0.1},
        secondary=["output_tokens"],
        analysis={"rule": "fixed", "units": 30},
    )
    prompts = [Prompt(f"q{i}", f"Say {i} in words.") for i in range(30)]
    frame = await collect_pairs(
        wanted,
        prompts,
        Settings(base_url=f"{provider}/openai", api_key="sk-test"),
        score=lambda name, answer: {"correct": float(bool(answer))},
        quiet=True,
    )
    assert frame.groupby("arm").size().to_dict() == {"candidate": 30, "control": 30}
    assert frame.groupby("pair")["arm"].nunique().eq(2).all()
    assert not frame["failed"].any()
    first = frame.groupby("pair")["arm"].first()
    assert 0 < (first == "control").sum() < 30
    told = analyse(frame, wanted)
    assert told.primary[0].n_arm == 30
    assert "paired" in told.primary[0].method
    assert told.guardrails[0].metric == "correct"


async def test_a_failed_call_is_recorded_and_its_pair_is_left_out(provider: str) -> None:
    wanted = experiment(routing=arms("no-such-model"), guardrails=[])
    frame = await collect_pairs(
        wanted,
        [Prompt("q", "Hello.")],
        Settings(base_url=f"{provider}/openai", api_key="sk-test"),
        quiet=True,
    )
    failed = frame[frame["arm"] == "candidate"].iloc[0]
    assert failed["failed"]
    assert failed["status"] == 404
    told = analyse(frame, wanted)
    assert told.primary == ()
    assert told.verdict.decision == "cannot tell yet"
