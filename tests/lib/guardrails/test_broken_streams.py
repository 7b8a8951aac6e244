"""Streams that break off in the middle: each is a record that says so, and no other record is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from urllib3.exceptions import ReadTimeoutError

from gateway_lib import failures, guardrails
from gateway_lib.experiments.asking import BedrockAsker, OpenAIAsker
from gateway_lib.guardrails.planning import Plan
from gateway_lib.guardrails.ways import CONFIG, Way
from gateway_lib.settings import Settings, settings_of
from tests.lib.simulator.conftest import server  # noqa: F401

from .breaking import breaking

NOVA = "amazon.nova-lite-v1:0"
WAY = Way("bedrock/grworkbench1/1", CONFIG, identifier="grworkbench1", version="1")
KINDS = {"cut_mid_stream": "connection", "malformed_json": "malformed"}


@pytest.fixture
def broken(server):  # noqa: F811
    """Settings of a gateway whose first streams over an interface break off: OpenAI's, and Bedrock's."""

    @contextmanager
    def begun(interface: str, kind: str, count: int) -> Iterator[Settings]:
        if interface == "openai":
            with breaking(kind, count) as url:
                yield settings_of({"GATEWAY_BASE_URL": url, "GATEWAY_API_KEY": "sk-anybody"})
            return
        fault = {"match": NOVA, "kind": kind, "after_tokens": 1, "count": count}
        with httpx.Client(base_url=f"{server}/control", timeout=60) as control:
            control.put("/faults", json=[fault]).raise_for_status()
            yield settings_of({"GATEWAY_BASE_URL": server, "GATEWAY_API_KEY": "sk-anybody"})
            control.delete("/faults").raise_for_status()

    return begun


@pytest.mark.parametrize("fault", KINDS)
@pytest.mark.parametrize("interface", ["openai", "bedrock"])
def test_every_other_record_survives(broken, interface, fault):
    whole = guardrails.load_suite("starting")
    harmless = [case for case in whole.cases if case.expected == "allow" and not case.secrets]
    suite = whole.model_copy(update={"cases": tuple(harmless[:4])})
    plan = Plan(suite, (WAY,), NOVA, NOVA, (interface,), (True,))
    with broken(interface, fault, 3) as known:
        frame = guardrails.run(plan, known, concurrency=2, progress=lambda done, total: None)
    assert len(frame) == len(plan.calls()) == 8
    lost = frame[frame["outcome"] == "error"]
    assert lost["error_kind"].tolist() == [KINDS[fault]] * 3
    assert (lost["status"] == 200).all(), "it began well"


@pytest.mark.parametrize("fault", KINDS)
@pytest.mark.parametrize("interface", ["openai", "bedrock"])
async def test_a_question_of_an_experiment_is_a_failed_reply(broken, interface, fault):
    with broken(interface, fault, 1) as known:
        asker = OpenAIAsker(known) if interface == "openai" else BedrockAsker(known, 1)
        lost, told = [await asker.ask(NOVA, "ada", "hello", streamed=True) for _ in range(2)]
        await asker.aclose()
    assert lost.text is None and lost.error
    assert told.text and told.error is None


@pytest.mark.parametrize(
    ("known", "error", "kind"),
    [
        (failures.of_openai, httpx.ReadTimeout("slow"), "timeout"),
        (failures.of_openai, httpx.RemoteProtocolError("cut"), "connection"),
        (failures.of_bedrock, ReadTimeoutError(None, "/", "slow"), "timeout"),
        (failures.of_bedrock, ConnectionResetError("cut"), "connection"),
    ],
)
def test_an_error_is_of_the_first_kind_that_has_it(known, error, kind):
    assert isinstance(error, known().all) and known().kind(error) == kind
