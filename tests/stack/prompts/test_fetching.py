"""GetPrompt: when it is asked and with which signature, and how its refusals and faults reach the caller."""

from __future__ import annotations

from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from .interfaces import PREFIX, OverBedrock, OverOpenAI, values

GOV = "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:prompt/PROMPTGOV1"

pytestmark = pytest.mark.usefixtures("provider")


@pytest.mark.parametrize(
    ("arn", "status", "code", "exception"),
    [
        (PREFIX + "PROMPTAGT1", 400, "prompt_not_supported", "ValidationException"),
        (PREFIX + "PROMPTTXT1", 400, "prompt_not_supported", "ValidationException"),
        (PREFIX + "NOSUCHPRMT", 404, "prompt_not_found", "ResourceNotFoundException"),
        (PREFIX + "PROMPTTXT1:9", 404, "prompt_not_found", "ResourceNotFoundException"),
        (
            PREFIX.replace("us-east-1", "eu-west-1") + "PROMPTTXT1:1",
            404,
            "prompt_not_found",
            "ResourceNotFoundException",
        ),
        (
            PREFIX.replace("123456789012", "210987654321") + "PROMPTTXT1:1",
            403,
            "prompt_forbidden",
            "AccessDeniedException",
        ),
    ],
    ids=["of an agent", "without a model", "unknown", "version", "region", "account"],
)
def test_what_cannot_be_had_is_refused_in_the_callers_protocol(api, arn, status, code, exception):
    refused = api.refused(arn, values(city="x"))
    assert refused.status == status and refused.kind in (code, exception)
    assert "assumed-role" not in refused.message


@pytest.mark.parametrize(
    "arn",
    [
        PREFIX,
        PREFIX + "short",
        PREFIX + "PROMPTTXT1:0",
        PREFIX + "PROMPTTXT1:1x",
        PREFIX + "PROMPTTXT1:123456",
        PREFIX + "PROMPTTXT1/more",
        PREFIX.replace("us-east-1", "nowhere") + "PROMPTTXT1",
        PREFIX.replace("us-east-1", "us-east-1.example.com-1") + "PROMPTTXT1",
        PREFIX.replace("123456789012", "12") + "PROMPTTXT1",
        PREFIX.replace("arn:aws:", "arn:aws-cn:") + "PROMPTTXT1",
    ],
)
@pytest.mark.parametrize("interface", ["openai", "bedrock"])
def test_a_malformed_arn_is_refused_before_anybody_is_asked(caller, journal, interface, arn):
    before = len(journal("PROMPTTXT1"))
    if interface == "openai":
        answer = caller.http.post("/v1/chat/completions", json={"model": arn, "messages": []})
        assert answer.json()["error"]["code"] == "invalid_prompt_arn"
    else:
        answer = caller.http.post(f"/bedrock/model/{quote(arn, safe='')}/converse", json={})
        assert answer.headers["x-amzn-errortype"] == "ValidationException"
    assert answer.status_code == 400 and "The ARN of the prompt is not valid" in answer.text
    assert len(journal("PROMPTTXT1")) == before


def test_a_prompt_of_another_partition_is_fetched_with_its_own_regions_signature(
    api, stack, journal, marker
):
    assert api.text(GOV, values(who=marker)) == f"Far away, {marker}"
    assert {
        entry["status"] for entry in journal("PROMPTGOV1") if "aws-us-gov" in entry["path"]
    } == {200}


def test_the_simulated_aws_refuses_another_regions_signature(stack):
    client = boto3.client(
        "bedrock-agent",
        "us-east-1",
        endpoint_url=f"{stack.environment['GATEWAY_SIMULATOR_URL']}/bedrock-agent",
        aws_access_key_id="simulated",
        aws_secret_access_key="simulated",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError, match="scoped to a valid region"):
        client.get_prompt(promptIdentifier=GOV)
    client.close()


def test_a_prompt_is_fetched_once_for_many_calls_of_many_keys(caller, someone, journal, marker):
    callers = [caller, someone(), someone()]
    arn = PREFIX + "PROMPTCCH1:DRAFT"
    for one in callers:
        for api in (OverOpenAI(one, False), OverBedrock(one, True), OverBedrock(one, False)):
            assert marker in api.text(arn, values(game=marker))
    fetched = [e for e in journal("PROMPTCCH1") if e["query"] == "promptVersion=DRAFT"]
    assert len(fetched) == 1 and fetched[0]["status"] == 200


@pytest.mark.parametrize(
    ("fault", "status", "code", "exception"),
    [
        (
            {"kind": "status", "status": 429, "retry_after": 3},
            429,
            "prompt_throttled",
            "ThrottlingException",
        ),
        (
            {"kind": "status", "status": 400, "code": "ThrottlingException"},
            429,
            "prompt_throttled",
            "ThrottlingException",
        ),
        (
            {"kind": "status", "status": 500},
            503,
            "prompts_unavailable",
            "ServiceUnavailableException",
        ),
        (
            {"kind": "status", "status": 503},
            503,
            "prompts_unavailable",
            "ServiceUnavailableException",
        ),
        ({"kind": "reset"}, 503, "prompts_unavailable", "ServiceUnavailableException"),
        ({"kind": "malformed_json"}, 503, "prompts_unavailable", "ServiceUnavailableException"),
    ],
    ids=["429", "throttled", "500", "503", "reset", "malformed"],
)
def test_faults_of_getprompt_in_the_callers_protocol(api, provider, fault, status, code, exception):
    provider.fail("PROMPTTXT1", **fault)
    refused = api.refused(PREFIX + "PROMPTTXT1:DRAFT", values(city="x"))
    assert refused.status == status and refused.kind in (code, exception)
    assert refused.headers["retry-after"] == str(fault.get("retry_after", 1))


def test_a_fault_is_not_remembered(caller, provider, marker):
    arn, api = f"{GOV}:DRAFT", OverOpenAI(caller, False)
    provider.fail("PROMPTGOV1", "status", status=500, count=1)
    assert api.refused(arn, values(who=marker)).status == 503
    assert api.text(arn, values(who=marker)) == f"Far away, {marker}"
