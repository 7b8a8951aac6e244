"""A guardrail whose service is down or slow: calls fail closed, and open only where that was set."""

from __future__ import annotations

import openai
import pytest
from botocore.exceptions import ClientError

from tests.stack.callers import GUARDRAIL, OPENAI, STREAMED

from .conftest import NAME

FAULTS = [
    ("status", {"status": 500}),
    ("status", {"status": 429}),
    ("status", {"status": 403}),
    ("reset", {}),
    ("malformed_json", {}),
    ("latency", {"seconds": 8}),
]
EACH = pytest.mark.parametrize(("kind", "more"), FAULTS, ids=lambda given: str(given))
NAMED = {"guardrails": [NAME]}


@EACH
def test_a_call_fails_closed(caller, provider, failing, marker, kind, more):
    failing(kind, **more)
    with pytest.raises(openai.InternalServerError) as refused:
        caller.say(f"echo: {marker}", extra_body=NAMED)
    assert refused.value.status_code == 503
    assert refused.value.code == "guardrail_unavailable"
    assert refused.value.response.headers["retry-after"] == "1"
    assert not [each for each in provider.received(marker) if "messages" in each.body]


@STREAMED
def test_in_the_callers_protocol(caller, provider, failing, marker, streamed):
    failing("status", status=500)
    call = caller.bedrock.converse_stream if streamed else caller.bedrock.converse
    message = {"role": "user", "content": [{"text": f"echo: {marker}"}]}
    for way in (
        {"guardrailConfig": GUARDRAIL},
        {"additionalModelRequestFields": NAMED},
    ):
        with pytest.raises(ClientError) as refused:
            call(modelId=OPENAI, messages=[message], **way)
        assert refused.value.response["Error"]["Code"] == "ServiceUnavailableException"
    assert not [each for each in provider.received(marker) if "messages" in each.body]


def test_of_a_failing_model_its_own_error_is_told(caller, provider, marker):
    provider.fail(OPENAI, "status", status=429, retry_after=7)
    with pytest.raises(openai.RateLimitError) as refused:
        caller.say(f"echo: {marker}", extra_body=NAMED)
    assert refused.value.response.headers["retry-after"] == "7"


def counted(master) -> dict[str, float]:
    text = master.http.get("/metricz").text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_refused_calls_are_counted(caller, master, provider, failing, marker):
    name = f'middleware_guardrail_unavailable_total{{guardrail="{NAME}"}}'
    before = counted(master).get(name, 0)
    failing("status", status=500)
    with pytest.raises(openai.InternalServerError):
        caller.say(f"echo: {marker}", extra_body=NAMED)
    assert counted(master)[name] == before + 1


def test_counters_are_for_administrators(caller):
    assert caller.http.get("/metricz").status_code == 403


@EACH
def test_where_it_is_set_a_call_goes_on_without_what_it_named(
    open_caller, provider, failing, marker, kind, more
):
    failing(kind, **more)
    answer = open_caller.openai.chat.completions.with_raw_response.create(
        model=OPENAI,
        messages=[{"role": "user", "content": f"echo: {marker}"}],
        extra_body=NAMED,
    )
    assert answer.parse().choices[0].message.content == marker
    assert answer.headers["x-guardrail-warning"] == f"not applied: {NAME}"
    fields = {"additionalModelRequestFields": NAMED}
    answer = open_caller.converse(f"echo: {marker}", OPENAI, **fields)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-guardrail-warning"] == f"not applied: {NAME}"


def test_calls_without_a_guardrail_are_counted(open_caller, master, provider, failing, marker):
    failing("status", status=500)
    open_caller.say(f"echo: {marker}", extra_body=NAMED)
    headers = {"authorization": f"Bearer {master.key}"}
    text = open_caller.http.get("/metricz", headers=headers).text
    assert f'middleware_guardrail_failed_open_total{{guardrail="{NAME}"}}' in text


def test_the_other_guardrails_of_the_call_stay(open_caller, provider, marker, master):
    """Only what does not answer is left out: the other one still blocks."""
    params = {"guardrail": "bedrock", "mode": "pre_call", "guardrailIdentifier": "gone1"}
    params |= {"guardrailVersion": "1"}
    guardrail = {"guardrail_name": f"gone-{marker}", "litellm_params": params}
    made = master.http.post("/guardrails", json={"guardrail": guardrail})
    assert made.status_code == 200, made.text
    try:
        names = {"guardrails": [f"gone-{marker}", NAME]}
        with pytest.raises(openai.BadRequestError) as blocked:
            open_caller.say(f"forbidden-word {marker}", extra_body=names)
        assert blocked.value.code == "content_filter"
        assert open_caller.say(f"echo: {marker}", extra_body=names).choices
    finally:
        master.http.delete(f"/guardrails/{made.json()['guardrail_id']}")


def test_a_guardrail_works_where_calls_may_go_without(open_caller, provider, marker):
    answer = open_caller.openai.chat.completions.with_raw_response.create(
        model=OPENAI,
        messages=[{"role": "user", "content": f"echo: {marker}@example.com"}],
        extra_body=NAMED,
    )
    assert answer.parse().choices[0].message.content == "{EMAIL}"
    assert "x-guardrail-warning" not in answer.headers


def test_the_guardrail_of_every_call_stays_closed(open_caller, master, provider, failing, marker):
    params = {"guardrail": "bedrock", "mode": "pre_call", "guardrailIdentifier": NAME}
    params |= {"guardrailVersion": "1", "default_on": True, "timeout": 2}
    guardrail = {"guardrail_name": f"always-{marker}", "litellm_params": params}
    made = master.http.post("/guardrails", json={"guardrail": guardrail})
    assert made.status_code == 200, made.text
    try:
        failing("status", status=500)
        for extra in ({}, {"guardrails": [f"always-{marker}"]}, NAMED):
            with pytest.raises(openai.InternalServerError) as refused:
                open_caller.say(f"echo: {marker}", extra_body=extra)
            assert refused.value.code == "guardrail_unavailable"
        with pytest.raises(ClientError) as refused:
            open_caller.converse(f"echo: {marker}", OPENAI)
        assert refused.value.response["Error"]["Code"] == "ServiceUnavailableException"
        assert not [each for each in provider.received(marker) if "messages" in each.body]
    finally:
        master.http.delete(f"/guardrails/{made.json()['guardrail_id']}")


def test_bedrocks_own_guardrail_stays_closed(open_caller, provider, failing, marker):
    failing("status", status=500)
    with pytest.raises(ClientError):
        open_caller.converse(f"echo: {marker}", guardrailConfig=GUARDRAIL)
