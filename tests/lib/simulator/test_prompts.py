"""GetPrompt: what prompts say, and which signatures it takes."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.lib.simulator.conftest import KNOWN, Control, aws

ARN = "arn:aws:bedrock:us-east-1:123456789012:prompt/PROMPTSPC1"


def variant(agent: Any, id: str, **options: str) -> dict[str, Any]:
    return agent.get_prompt(promptIdentifier=id, **options)["variants"][0]


def test_get_prompt(agent):
    draft = agent.get_prompt(promptIdentifier="PROMPTTXT1")
    assert draft["version"] == "DRAFT"
    second = agent.get_prompt(promptIdentifier="PROMPTTXT1", promptVersion="2")
    assert second["variants"][0]["templateConfiguration"]["text"]["inputVariables"][1] == {
        "name": "tone"
    }
    by_arn = agent.get_prompt(promptIdentifier=second["arn"])
    assert by_arn["version"] == "2" and by_arn["variants"] == second["variants"]
    chat = agent.get_prompt(promptIdentifier="PROMPTCHT1", promptVersion="1")["variants"][0]
    assert chat["templateType"] == "CHAT"
    assert chat["templateConfiguration"]["chat"]["system"][0]["text"].startswith("You help")
    for wrong in (
        {"promptIdentifier": "NOSUCHPRMT"},
        {"promptIdentifier": "PROMPTTXT1", "promptVersion": "7"},
    ):
        with pytest.raises(agent.exceptions.ResourceNotFoundException):
            agent.get_prompt(**wrong)


def test_a_version_has_variants_and_one_is_the_default(agent):
    first = agent.get_prompt(promptIdentifier="PROMPTVAR1", promptVersion="1")
    assert [one["name"] for one in first["variants"]] == ["casual", "formal"]
    assert first["defaultVariant"] == "formal"
    assert first["variants"][1]["modelId"].startswith("us.anthropic.")
    assert first["variants"][1]["metadata"] == [{"key": "owner", "value": "workbench"}]
    assert "defaultVariant" not in agent.get_prompt(promptIdentifier="PROMPTVAR1")
    assert agent.get_prompt(promptIdentifier="PROMPTTXT1")["defaultVariant"] == "default"


def test_a_chat_prompt_has_tools_and_cache_points(agent):
    found = variant(agent, "PROMPTTOOL", promptVersion="1")
    chat = found["templateConfiguration"]["chat"]
    point = {"cachePoint": {"type": "default"}}
    assert chat["system"] == [{"text": "You know the harbours of {{country}}."}, point]
    assert chat["messages"][0]["content"][1] == point
    assert chat["toolConfiguration"]["tools"][0]["toolSpec"]["name"] == "tides"
    assert chat["toolConfiguration"]["toolChoice"] == {"auto": {}}
    assert found["inferenceConfiguration"]["text"]["maxTokens"] == 300
    assert found["additionalModelRequestFields"] == {"top_k": 40}


def test_a_text_prompt_has_a_cache_point_or_an_agent(agent):
    template = variant(agent, "PROMPTCCH1")["templateConfiguration"]["text"]
    assert template["cachePoint"] == {"type": "default"}
    bound = variant(agent, "PROMPTAGT1")
    assert "agent-alias" in bound["genAiResource"]["agent"]["agentIdentifier"]
    assert "modelId" not in bound


def test_a_prompt_is_only_in_its_own_region(base, agent):
    with pytest.raises(agent.exceptions.ResourceNotFoundException):
        agent.get_prompt(promptIdentifier="PROMPTGOV1")
    elsewhere = aws("bedrock-agent", f"{base}/bedrock-agent", **KNOWN, region_name="us-gov-west-1")
    found = elsewhere.get_prompt(promptIdentifier="PROMPTGOV1")
    assert found["arn"] == "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:prompt/PROMPTGOV1"
    assert elsewhere.get_prompt(promptIdentifier=found["arn"])["name"] == "elsewhere"
    elsewhere.close()


def test_another_accounts_prompt_is_denied_in_aws_words(agent):
    with pytest.raises(agent.exceptions.AccessDeniedException, match="assumed-role/gateway"):
        agent.get_prompt(promptIdentifier=ARN.replace("123456789012", "210987654321"))


@pytest.mark.parametrize("wrong", ["short", "arn:aws:bedrock:us-east-1:1:prompt/PROMPTSPC1"])
def test_what_is_no_identifier_is_refused(agent, wrong):
    with pytest.raises(agent.exceptions.ValidationException, match="promptIdentifier"):
        agent.get_prompt(promptIdentifier=wrong)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException", "does not match"),
        ({"aws_access_key_id": "AKIDEXAMPLE"}, "UnrecognizedClientException", "security token"),
        ({"region_name": "eu-west-1"}, "InvalidSignatureException", "a valid region"),
    ],
)
def test_signatures_are_checked(base, options, code, words):
    client = aws("bedrock-agent", f"{base}/bedrock-agent", **(KNOWN | options))
    with pytest.raises(ClientError, match=words) as caught:
        client.get_prompt(promptIdentifier=ARN)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    client.close()


def signed(base: str, service: str = "bedrock") -> tuple[str, dict[str, str]]:
    url = f"{base}/bedrock-agent/prompts/{quote(ARN, safe='')}/?promptVersion=1"
    request = AWSRequest("GET", url)
    SigV4Auth(Credentials("simulated", "simulated"), service, "us-east-1").add_auth(request)
    return url, dict(request.headers.items())


def refused(url: str, headers: dict[str, str]) -> tuple[str, str]:
    reply = httpx.get(url, headers=headers, timeout=60)
    assert reply.status_code == 403, reply.text
    return reply.headers["x-amzn-ErrorType"], reply.json()["message"]


def test_a_signature_is_for_one_request(base):
    url, headers = signed(base)
    assert httpx.get(url, headers=headers, timeout=60).json()["version"] == "1"
    code, message = refused(url.replace("=1", "=DRAFT"), headers)
    assert code == "InvalidSignatureException" and "does not match" in message
    unencoded = url.replace(quote(ARN, safe=""), ARN)
    assert refused(unencoded, headers)[0] == "InvalidSignatureException"


def test_a_signature_is_for_one_service(base):
    code, message = refused(*signed(base, "bedrock-agent"))
    assert code == "InvalidSignatureException" and "correct service: 'bedrock'" in message


def test_a_signature_expires(base):
    url, headers = signed(base)
    stamp = headers["X-Amz-Date"]
    old = f"2020{stamp[4:]}"
    code, message = refused(url, headers | {"X-Amz-Date": old})
    assert code == "InvalidSignatureException" and "credential scope" in message.lower()
    authorization = headers["Authorization"].replace(stamp[:8], old[:8])
    old_headers = {"X-Amz-Date": old, "Authorization": authorization}
    assert "Signature expired" in refused(url, headers | old_headers)[1]
    assert refused(url, {"Authorization": authorization})[0] == "IncompleteSignatureException"


def test_a_key_is_no_signature(base):
    url, _ = signed(base)
    assert refused(url, {})[0] == "MissingAuthenticationTokenException"
    assert refused(url, {"authorization": "Bearer k"})[0] == "IncompleteSignatureException"


def test_the_journal_has_no_signature(base, control: Control):
    url, headers = signed(base)
    httpx.get(url, headers=headers, timeout=60)
    entry = control.last(model="PROMPTSPC1")
    assert entry["operation"] == "get-prompt" and entry["query"] == "promptVersion=1"
    assert headers["Authorization"].rpartition("=")[2] not in str(entry)


def test_faults_strike_prompts_by_their_id(base, agent, control: Control):
    control.faults({"match": "PROMPTSPC1", "kind": "status", "status": 429, "count": 1})
    with pytest.raises(agent.exceptions.ThrottlingException):
        agent.get_prompt(promptIdentifier=ARN)
    control.faults({"match": "PROMPTSPC1", "kind": "malformed_json", "count": 1})
    url, headers = signed(base)
    with pytest.raises(ValueError):
        httpx.get(url, headers=headers, timeout=60).json()
    assert agent.get_prompt(promptIdentifier=ARN)["version"] == "DRAFT"
