"""Who calls the gateway: a key, with the clients that people hold."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import boto3
import httpx
import openai
import pytest
from botocore import UNSIGNED
from botocore.config import Config

OPENAI = "gpt-4o-mini"
BEDROCK = "anthropic.claude-3-haiku-20240307-v1:0"

GUARDRAIL = {"guardrailIdentifier": "grworkbench1", "guardrailVersion": "1"}
"""The simulator's guardrail."""

BOTH = pytest.mark.parametrize("model", [OPENAI, BEDROCK])
STREAMED = pytest.mark.parametrize("streamed", [False, True])


class Caller:
    """Holds one key."""

    def __init__(self, settings: Mapping[str, str], key: str) -> None:
        self.key = key
        self.url = settings["GATEWAY_BASE_URL"]
        self._region = settings["AWS_REGION"]
        bearer = {"Authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=self.url, headers=bearer, timeout=60, trust_env=False)

    @cached_property
    def openai(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=self.key, max_retries=0)

    @cached_property
    def bedrock(self) -> Any:
        """boto3 without retries, with the key in the header that AWS's signature would have."""
        client = boto3.client(
            "bedrock-runtime",
            self._region,
            endpoint_url=f"{self.url}/bedrock",
            config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
        )

        def add_key(request: Any, **_: Any) -> None:
            request.headers["Authorization"] = f"Bearer {self.key}"

        client.meta.events.register("request-created.*", add_key)
        return client

    def close(self) -> None:
        self.http.close()
        for client in ("openai", "bedrock"):
            if client in vars(self):
                getattr(self, client).close()

    def say(self, text: str, model: str = OPENAI, **more: Any) -> Any:
        """A completion of one message; what OpenAI's SDK has no name for goes into `extra_body`."""
        return self.openai.chat.completions.create(
            model=model, messages=[{"role": "user", "content": text}], **more
        )

    def begin(self, text: str, model: str = OPENAI) -> str:
        """The id of a new conversation."""
        return str(self.say(text, model).model_extra["session_id"])

    def converse(self, text: str, model: str = BEDROCK, **more: Any) -> Any:
        message = {"role": "user", "content": [{"text": text}]}
        return self.bedrock.converse(modelId=model, messages=[message], **more)

    def history(self, session: str, **more: Any) -> httpx.Response:
        return self.http.post("/chat-history", json={"session_id": session, **more})

    def spoken(self, session: str) -> list[dict[str, Any]]:
        """The messages of a conversation, in OpenAI's form."""
        answer = self.history(session)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["messages"])

    def turns(self, session: str) -> list[dict[str, Any]]:
        """The turns of a conversation that have ended."""
        deadline = time.monotonic() + 10  # a turn that broke off is written beside its answer
        while True:
            turns = self.history(session).json()["turns"]
            if all(turn["ended_at"] for turn in turns):
                return list(turns)
            assert time.monotonic() < deadline, "a turn has not ended"
            time.sleep(0.05)


def continued(session: str) -> dict[str, Any]:
    """What Converse is given to go on with a conversation."""
    return {"additionalModelRequestFields": {"session_id": session}}


def streamed_text(answer: Any) -> str:
    """What a ConverseStream says, once it has come to its end."""
    events = list(answer["stream"])
    assert any("messageStop" in event for event in events)
    return "".join(
        event["contentBlockDelta"]["delta"].get("text", "")
        for event in events
        if "contentBlockDelta" in event
    )


def spoken_text(chunks: Any) -> str:
    """What a streamed completion says."""
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
