"""Experiments on the whole chain: started by the administrator, called by somebody with a key."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from gateway_lib.local.client import RunningStack
from tests.stack.callers import BEDROCK, OPENAI, Caller, spoken_text, streamed_text


class Experiment:
    """One that runs; `model` is what a caller names."""

    def __init__(self, admin: httpx.Client, name: str) -> None:
        self._admin = admin
        self.name = name
        self.model = f"experiment/{name}"

    def rows(self, count: int) -> list[dict[str, Any]]:
        """Its calls, once there are so many and each has ended."""
        deadline = time.monotonic() + 20
        while True:
            answer = self._admin.get(f"/experiments/{self.name}/outcomes")
            assert answer.status_code == 200, answer.text
            rows = [httpx.Response(200, content=line).json() for line in answer.text.splitlines()]
            if len(rows) >= count and all(row["ended"] for row in rows):
                return rows
            assert time.monotonic() < deadline, rows
            time.sleep(0.1)

    def spent(self, call_id: str) -> float:
        """What LiteLLM has booked for a call, dollars."""
        deadline = time.monotonic() + 30
        while True:
            log = self._admin.get("/spend/logs", params={"request_id": call_id}).json()
            if log:
                return float(sum(each["spend"] for each in log))
            assert time.monotonic() < deadline, f"LiteLLM has not booked {call_id}"
            time.sleep(0.5)


@pytest.fixture(scope="module")
def admin(stack: RunningStack) -> Iterator[httpx.Client]:
    with closing(Caller(stack.environment, stack.environment["GATEWAY_MASTER_KEY"])) as caller:
        yield caller.http


@pytest.fixture
def begin(admin: httpx.Client) -> Iterator[Callable[..., Experiment]]:
    """Starts an experiment in a layer of its own; all are stopped at the end."""
    begun: list[str] = []

    def beginning(*arms: dict[str, Any], **routing: Any) -> Experiment:
        name = f"test-{secrets.token_hex(4)}"
        arms = arms or (
            {"name": "control", "model": OPENAI},
            {"name": "treatment", "model": BEDROCK},
        )
        document = {"routing": {"name": name, "layer": name, "arms": list(arms), **routing}}
        answer = admin.put(f"/experiments/{name}", json=document)
        assert answer.status_code == 201, answer.text
        begun.append(name)
        return Experiment(admin, name)

    yield beginning
    for name in begun:
        admin.post(f"/experiments/{name}/stop", json={"reason": "the test is over"})


class Way:
    """A way to ask: an interface, streamed or not."""

    def __init__(self, caller: Caller, interface: str, streamed: bool) -> None:
        self._caller = caller
        self.interface, self.streamed = interface, streamed

    def ask(self, model: str, text: str, user: str, **more: Any) -> tuple[str, dict[str, str]]:
        """What is answered, and its headers; `more` are fields of the interface's own."""
        if self.interface == "openai":
            answer = self._caller.openai.chat.completions.with_raw_response.create(
                model=model,
                user=user,
                messages=[{"role": "user", "content": text}],
                stream=self.streamed,
                extra_body=more,
            )
            parsed = answer.parse()
            said = spoken_text(parsed) if self.streamed else parsed.choices[0].message.content
            return said, dict(answer.headers)
        client = self._caller.bedrock
        call = client.converse_stream if self.streamed else client.converse
        answer = call(
            modelId=model,
            messages=[{"role": "user", "content": [{"text": text}]}],
            requestMetadata={"user": user},
            **more,
        )
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        if self.streamed:
            return streamed_text(answer), headers
        return answer["output"]["message"]["content"][0]["text"], headers


@pytest.fixture(params=["openai", "openai stream", "bedrock", "bedrock stream"])
def way(request: Any, caller: Caller) -> Way:
    interface, _, streamed = request.param.partition(" ")
    return Way(caller, interface, bool(streamed))
