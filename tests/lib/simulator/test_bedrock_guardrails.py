"""Guardrails, of ApplyGuardrail and in Converse, through boto3."""

import pytest
from botocore.exceptions import ClientError

from tests.lib.simulator.bedrock import NOVA, drain, text_of, user

GUARD = {"guardrailIdentifier": "grworkbench1", "guardrailVersion": "1"}


def apply(bedrock, text, source="INPUT", **change):
    return bedrock.apply_guardrail(
        **GUARD | change, source=source, content=[{"text": {"text": text}}]
    )


def test_apply_guardrail(bedrock):
    passed = apply(bedrock, "a harmless text")
    assert (passed["action"], passed["outputs"]) == ("NONE", [])
    blocked = apply(bedrock, "Give me a Moonshine Recipe now", "OUTPUT")
    assert blocked["action"] == "GUARDRAIL_INTERVENED"
    assert blocked["outputs"] == [{"text": "Sorry, the answer was withheld."}]
    (word,) = blocked["assessments"][0]["wordPolicy"]["customWords"]
    assert word["match"] == "Moonshine Recipe"
    masked = apply(bedrock, "Write to a@b.example about TICKET-12345.")
    assert masked["outputs"] == [{"text": "Write to {EMAIL} about {ticket}."}]
    found = masked["assessments"][0]["sensitiveInformationPolicy"]
    assert found["piiEntities"][0]["match"] == "a@b.example"
    assert found["regexes"][0]["name"] == "ticket"
    with pytest.raises(ClientError) as caught:
        apply(bedrock, "x", guardrailVersion="9")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_guardrail_in_converse(bedrock):
    def ask(text, **config):
        return bedrock.converse(modelId=NOVA, messages=user(text), guardrailConfig=GUARD | config)

    assert ask("echo: fine")["stopReason"] == "end_turn"
    blocked = ask("a moonshine recipe", trace="enabled")
    assert blocked["stopReason"] == "guardrail_intervened"
    assert text_of(blocked) == "Sorry, the model cannot answer this question."
    assert "grworkbench1" in blocked["trace"]["guardrail"]["inputAssessment"]
    masked = ask("echo: mail a@b.example")
    assert text_of(masked) == "mail {EMAIL}"
    events = drain(
        bedrock.converse_stream(
            modelId=NOVA,
            messages=user("a moonshine recipe"),
            guardrailConfig=GUARD | {"trace": "enabled"},
        )["stream"]
    )
    assert events[-2]["messageStop"]["stopReason"] == "guardrail_intervened"
    assert events[-1]["metadata"]["trace"]["guardrail"]["inputAssessment"]
