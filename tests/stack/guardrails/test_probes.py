"""The probes find what is open by nature and what was planted, and nothing else."""

from __future__ import annotations

import pytest

from gateway_lib.errors import ChecksUnusable
from gateway_lib.guardrails.probes import CLOSED, OPEN, PROBES, UNTRIED, Target, probe
from gateway_lib.settings import Settings
from tests.stack.callers import GUARDRAIL

from .conftest import NAME

pytestmark = pytest.mark.usefixtures("provider")
BY_NATURE = {"tool_arguments", "document", "encoded", "streamed_async"}
"""What LiteLLM's guardrails do not look at, a disguise that no policy sees through, and AWS's own mode."""


def gateway(stack, url: str = "") -> Settings:
    known = stack.environment
    return Settings(
        base_url=url or known["GATEWAY_BASE_URL"],
        api_key=known["GATEWAY_API_KEY"],
        master_key=known["GATEWAY_MASTER_KEY"],
    )


def target(stack, **changes) -> Target:
    known = stack.environment
    return Target(
        simulator=known["GATEWAY_SIMULATOR_URL"],
        prompt_arn=known["GATEWAY_PROMPT_ARN"],
        prompt_variables=("city", "tone"),
        **changes,
    )


def states(found) -> dict[str, str]:
    return {each.probe: each.state for each in found}


def opened(found) -> set[str]:
    return {each.probe for each in found if each.state == OPEN}


def test_on_the_gateway_as_it_is(stack, model):
    model("probed-nova", guardrailConfig=GUARDRAIL)
    found = probe(target(stack), gateway(stack))
    assert opened(found) == BY_NATURE
    assert not [each for each in found if each.state == UNTRIED], found
    assert [each.probe for each in found] == list(PROBES)
    assert "forbidden" not in str([each.evidence for each in found])


def test_without_the_middleware_names_and_keys_are_open(stack, model):
    model("bare-nova", guardrailConfig=GUARDRAIL)
    (litellm,) = [c for c in stack.snapshot["components"] if c["name"] == "litellm"]
    found = probe(target(stack), gateway(stack, litellm["address"]))
    planted = {"unknown_name", "malformed_names", "replaced_config", "disabled_per_key"}
    assert opened(found) == BY_NATURE | planted


def test_each_planted_bypass_is_found(stack, model, master, open_caller):
    """A front door that fails open, fallbacks and deployments past a guardrail, and a key without any."""
    model("planted", guardrailConfig=GUARDRAIL)
    model("half-planted", guardrailConfig=GUARDRAIL)
    model("half-planted")
    without = {"metadata": {"opted_out_global_guardrails": ["any"]}}
    made = master.http.post("/key/generate", json=without)
    assert made.status_code == 200, made.text
    fallbacks = [{"planted": ["amazon.nova-lite-v1:0"]}]
    _set_fallbacks(master, fallbacks)
    try:
        found = probe(target(stack), gateway(stack, open_caller.url))
    finally:
        _set_fallbacks(master, [])
        master.http.post("/key/delete", json={"keys": [made.json()["key"]]})
    evidence = {each.probe: each.evidence for each in found}
    planted = {"fallback", "second_deployment", "disabled_per_key"}
    planted |= {"service_down", "service_throttled", "service_slow"}
    assert opened(found) == BY_NATURE | planted
    assert evidence["fallback"] == "planted -> amazon.nova-lite-v1:0"
    assert evidence["second_deployment"] == "half-planted"
    assert f"warning: not applied: {NAME}" in evidence["service_down"]


def test_a_stream_that_is_checked_on_its_way_is_found(stack):
    wanted = target(stack, guardrail=f"{NAME}-unbuffered")
    (found,) = probe(wanted, gateway(stack), only=["streamed"])
    assert found.state == OPEN and "words of an answer" in found.evidence
    (found,) = probe(target(stack), gateway(stack), only=["streamed"])
    assert found.state == CLOSED


def test_what_cannot_be_tried_is_told(stack):
    wanted = Target(withheld="")
    tried = states(
        probe(wanted, gateway(stack), only=["service_down", "managed_prompt", "streamed"])
    )
    assert set(tried.values()) == {UNTRIED}


def test_a_guardrail_that_blocks_nothing_is_no_target(stack):
    with pytest.raises(ChecksUnusable, match="does not block the text"):
        probe(target(stack, blocked="good morning"), gateway(stack))
    with pytest.raises(ChecksUnusable, match="no probe is called nothing"):
        probe(target(stack), gateway(stack), only=["nothing"])


def _set_fallbacks(master, fallbacks) -> None:
    body = {"router_settings": {"fallbacks": fallbacks}}
    answer = master.http.post("/config/update", json=body)
    assert answer.status_code == 200, answer.text
