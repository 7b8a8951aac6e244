"""Managed prompts over either interface, and what arrives at the model's provider of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import openai
import pytest
from botocore.exceptions import ClientError

from tests.stack.callers import GUARDRAIL, Caller, continued, spoken_text, streamed_text

PREFIX = "arn:aws:bedrock:us-east-1:123456789012:prompt/"
SONNET = "anthropic.claude-3-5-sonnet-20240620-v1:0"
CHAT_1 = PREFIX + "PROMPTCHT1:1"
SPACES_1 = PREFIX + "PROMPTSPC1:1"
TIDES = {
    "name": "tides",
    "description": "The tides of a harbour.",
    "inputSchema": {
        "json": {
            "type": "object",
            "properties": {"harbour": {"type": "string"}},
            "required": ["harbour"],
        }
    },
}


def values(**texts):
    return {name: {"text": text} for name, text in texts.items()}


@dataclass(frozen=True)
class Refused:
    """An error, in whichever protocol."""

    status: int
    kind: str
    message: str
    headers: Any


class OverOpenAI:
    """Prompts with OpenAI's SDK; `fields` of ours go into the body."""

    def __init__(self, caller: Caller, streamed: bool) -> None:
        self._caller, self._streamed = caller, streamed

    def text(self, arn, variables=None, *, session=None, **more):
        fields = {"promptVariables": variables, "session_id": session, **more}
        answer = self._caller.openai.chat.completions.create(
            model=arn, messages=[], stream=self._streamed, extra_body=fields
        )
        if self._streamed:
            return spoken_text(answer)
        return answer.choices[0].message.content or ""

    def guarded(self, arn, variables):
        return self.text(arn, variables, guardrails=["grworkbench1"])

    def refused(self, arn, variables=None, **more):
        with pytest.raises(openai.APIStatusError) as caught:
            self.text(arn, variables, **more)
        error, response = caught.value, caught.value.response
        return Refused(error.status_code, error.code, error.body["message"], response.headers)


class OverBedrock:
    """Prompts with boto3."""

    def __init__(self, caller: Caller, streamed: bool) -> None:
        self._caller, self._streamed = caller, streamed

    def text(self, arn, variables=None, *, session=None, **more):
        fields = continued(session) if session else {}
        given = {"promptVariables": variables} if variables is not None else {}
        request = {"modelId": arn, **given, **fields, **more}
        if self._streamed:
            return streamed_text(self._caller.bedrock.converse_stream(**request))
        blocks = self._caller.bedrock.converse(**request)["output"]["message"]["content"]
        return "".join(block.get("text", "") for block in blocks)

    def guarded(self, arn, variables):
        return self.text(arn, variables, guardrailConfig=GUARDRAIL)

    def refused(self, arn, variables=None, **more):
        with pytest.raises(ClientError) as caught:
            self.text(arn, variables, **more)
        error, metadata = (caught.value.response[k] for k in ("Error", "ResponseMetadata"))
        status, headers = metadata["HTTPStatusCode"], metadata["HTTPHeaders"]
        return Refused(status, error["Code"], error["Message"], headers)


def asked(provider, marker):
    """The one request for a model, without what is empty."""
    return {name: value for name, value in provider.only(marker).body.items() if value}


def turns(*said):
    return [{"role": role, "content": [{"text": text}]} for role, text in said]
