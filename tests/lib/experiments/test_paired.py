"""Both arms, offline: each prompt goes to each arm through a real service."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_lib.experiments.analysis import analyse
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.paired import Prompt, collect_pairs
from gateway_lib.settings import Settings, settings_of
from tests.lib.experiments.outcomes import experiment
from tests.middleware.experiments.conftest import (  # noqa: F401
    ADA,
    Service,
    litellm,
    redis_url,
    start,
)
from tests.middleware.history.litellm import MODEL


@pytest.fixture
async def service(start) -> Service:  # noqa: F811
    return await start()


@pytest.fixture
def known(service) -> Settings:
    return settings_of({"GATEWAY_BASE_URL": str(service.http.base_url), "GATEWAY_API_KEY": ADA})


def compared(second: str, **changed: Any) -> Experiment:
    arms = [
        {"name": "control", "model": MODEL, "parameters": {"max_tokens": 20}},
        {"name": "candidate", "model": second, "system": "Be brief."},
    ]
    routing = {**experiment().routing.model_dump(mode="json"), "arms": arms}
    return experiment(routing=routing, **changed)


async def test_every_prompt_goes_to_every_arm_and_prompts_are_compared(known) -> None:
    wanted = compared(
        MODEL,
        primary={"metric": "latency", "mde": 0.1},
        secondary=["output_tokens"],
        analysis={"rule": "fixed", "units": 30},
    )
    prompts = [Prompt(f"q{i}", f"Say {i} in words.") for i in range(30)]
    frame = await collect_pairs(
        wanted,
        prompts,
        known,
        score=lambda name, answer: {"correct": float(bool(answer))},
        quiet=True,
    )
    assert frame.groupby("arm").size().to_dict() == {"candidate": 30, "control": 30}
    assert frame.groupby("pair")["arm"].nunique().eq(2).all()
    assert not frame["failed"].any(), frame["status"].unique()
    first = frame.groupby("pair")["arm"].first()
    assert 0 < (first == "control").sum() < 30
    told = analyse(frame, wanted)
    assert told.primary[0].n_arm == 30
    assert "paired" in told.primary[0].method
    assert told.guardrails[0].metric == "correct"


async def test_a_failed_call_is_recorded_and_its_pair_is_left_out(known, litellm) -> None:  # noqa: F811
    litellm.fails_for = "out-of-order"
    wanted = compared("out-of-order", guardrails=[])
    frame = await collect_pairs(wanted, [Prompt("q", "Hello.")], known, quiet=True)
    failed = frame[frame["arm"] == "candidate"].iloc[0]
    assert failed["failed"]
    assert failed["status"] >= 400
    told = analyse(frame, wanted)
    assert told.primary == ()
    assert told.verdict.decision == "cannot tell yet"
