"""Arms with real SDKs before a real LiteLLM: who answers, what it cost, and that no cache is between."""

from __future__ import annotations

import openai
import pytest
from botocore.exceptions import ClientError

from tests.stack.callers import BEDROCK, OPENAI

from .conftest import Way

MODELS = {"control": OPENAI, "treatment": BEDROCK}
PROMPT = "arn:aws:bedrock:us-east-1:123456789012:prompt/PROMPTSPC1:1"

pytestmark = pytest.mark.usefixtures("provider")


def test_a_user_keeps_its_arm_and_each_call_costs_what_litellm_says(begin, way, marker):
    experiment = begin()
    booked = {}
    for number in range(12):
        user = f"user-{number % 6}"
        _, headers = way.ask(experiment.model, f"{marker} {number}", user)
        assert headers["x-experiment"] == experiment.name
        booked[headers["x-request-id"]] = headers["x-litellm-call-id"]
    rows = experiment.rows(12)
    assert {row["request_id"] for row in rows} == booked.keys()
    assert len({(row["unit"], row["arm"]) for row in rows}) == 6
    for row in rows:
        assert (row["status"], row["failed"], row["fell_back"]) == (200, False, False)
        assert (row["interface"], row["streamed"]) == (way.interface, way.streamed)
        assert row["served_model"] == MODELS[row["arm"]]
        assert row["input_tokens"] > 0 and row["output_tokens"] > 0
        assert row["latency_ms"] > 0 and (row["ttft_ms"] is not None) == way.streamed
        spent = experiment.spent(booked[row["request_id"]])
        assert row["cost_usd"] == pytest.approx(spent) and spent > 0


def test_the_provider_is_asked_each_time(begin, way, provider, marker, caller):
    plain = Way(caller, way.interface, way.streamed)
    for _ in range(2):
        plain.ask(OPENAI, f"{marker} plain", "ada")
    cached = len(provider.received(f"{marker} plain"))
    experiment = begin({"name": "a", "model": OPENAI}, {"name": "b", "model": OPENAI})
    for _ in range(3):
        experiment_says, _ = way.ask(experiment.model, f"{marker} tried", "ada")
        assert experiment_says
    assert len(provider.received(f"{marker} tried")) == 3
    # what an experiment was answered is not put into the cache either
    plain.ask(OPENAI, f"{marker} tried", "ada")
    assert len(provider.received(f"{marker} tried")) == 4
    assert cached == 1, (
        "without an experiment the second of two such calls is answered by the cache"
    )


def test_parameters_and_an_instruction_arrive_at_the_provider(begin, way, provider, marker):
    arm = {"model": OPENAI, "system": "be brief", "parameters": {"temperature": 0.25, "seed": 7}}
    experiment = begin({"name": "a", **arm}, {"name": "b", **arm})
    way.ask(experiment.model, marker, "ada")
    body = provider.only(marker).body
    assert (body["temperature"], body["seed"]) == (0.25, 7)
    assert [each["role"] for each in body["messages"]] == ["system", "user"]


def test_an_arm_may_be_a_managed_prompt(begin, way):
    experiment = begin({"name": "a", "model": PROMPT}, {"name": "b", "model": PROMPT})
    values = {"a": {"text": "here"}, "b": {"text": "there"}}
    _, headers = way.ask(experiment.model, "nothing", "ada", promptVariables=values)
    assert headers["x-experiment-arm"] in ("a", "b")
    (row,) = experiment.rows(1)
    assert (row["failed"], row["status"]) == (False, 200)
    assert row["output_tokens"] > 0 and row["cost_usd"] > 0


@pytest.mark.parametrize("streamed", [False, True])
def test_a_fallback_is_shown(begin, caller, provider, marker, streamed):
    experiment = begin({"name": "a", "model": OPENAI}, {"name": "b", "model": OPENAI})
    provider.fail(OPENAI, "status", status=500)
    way = Way(caller, "openai", streamed)
    said, headers = way.ask(experiment.model, marker, "ada", fallbacks=[BEDROCK])
    assert said and headers["x-experiment-arm"] in ("a", "b")
    (row,) = experiment.rows(1)
    assert (row["fell_back"], row["served_model"], row["failed"]) == (True, BEDROCK, False)


def test_an_error_of_the_provider_is_the_arms(begin, way, provider, marker):
    experiment = begin({"name": "a", "model": OPENAI}, {"name": "b", "model": OPENAI})
    provider.fail(OPENAI, "status", status=500)
    with pytest.raises((openai.APIStatusError, ClientError)) as caught:
        way.ask(experiment.model, marker, "ada")
    told = caught.value
    headers = (
        told.response.headers
        if way.interface == "openai"
        else told.response["ResponseMetadata"]["HTTPHeaders"]
    )
    assert headers["x-experiment-arm"] in ("a", "b")
    (row,) = experiment.rows(1)
    assert row["failed"] and row["status"] >= 500 and row["latency_ms"] is None


def test_a_conversation_goes_on_over_both_interfaces(begin, caller, marker, provider):
    arms = [
        {"name": "a", "model": OPENAI, "system": "be brief"},
        {"name": "b", "model": OPENAI, "system": "be brief"},
    ]
    experiment = begin(*arms, unit="session")
    first = caller.say(f"{marker} one", experiment.model)
    session = first.model_extra["session_id"]
    way = Way(caller, "bedrock", True)
    fields = {"additionalModelRequestFields": {"session_id": session}}
    way.ask(experiment.model, f"{marker} two", "ada", **fields)
    (_, second) = provider.received(marker)
    roles = [each["role"] for each in second.body["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert [each["role"] for each in caller.spoken(session)] == ["user", "assistant"] * 2
    rows = experiment.rows(2)
    assert len({(row["unit"], row["arm"]) for row in rows}) == 1


def test_a_shadow_is_called_beside_the_control(begin, way, provider, marker):
    experiment = begin(mode="shadow")
    _, headers = way.ask(experiment.model, marker, "ada")
    assert headers["x-experiment-arm"] == "control"
    rows = experiment.rows(2)
    assert {row["role"]: row["arm"] for row in rows} == {"answer": "control", "shadow": "treatment"}
    assert {row["pair"] for row in rows} == {headers["x-request-id"]}
    assert all(row["cost_usd"] > 0 and not row["failed"] for row in rows)
    assert len(provider.received(marker)) == 2
