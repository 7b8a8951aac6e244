"""Prompts from the simulator: what comes of them, how often they are fetched, what an error says."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from typing import Any

import pytest

from middleware.errors import ServiceError, UpstreamUnavailable
from middleware.prompts.arn import PromptArn
from middleware.prompts.errors import (
    InvalidVariables,
    PromptForbidden,
    PromptNotFound,
    PromptsUnavailable,
    PromptThrottled,
    PromptUnusable,
)
from middleware.prompts.prompts import Prompts

from .conftest import Control, MakePrompts, fetched

POINT = {"cachePoint": {"type": "default"}}
HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"


def arn(id: str, version: str = "", region: str = "us-east-1", partition: str = "aws") -> PromptArn:
    text = f"arn:{partition}:bedrock:{region}:123456789012:prompt/{id}"
    found = PromptArn.parse(f"{text}:{version}" if version else text)
    assert found
    return found


def given(**texts: str) -> dict[str, Any]:
    return {name: {"text": text} for name, text in texts.items()}


async def test_a_text_prompt(prompts: Prompts):
    rendered = await prompts.request(arn("PROMPTTXT1", "1"), given(city="Kiel"))
    assert rendered.model_id == "anthropic.claude-3-haiku-20240307-v1:0"
    assert rendered.converse == {
        "messages": [{"role": "user", "content": [{"text": "Tell me one fact about Kiel."}]}],
        "inferenceConfig": {"temperature": 0.2, "maxTokens": 200},
    }


async def test_a_chat_prompt_with_everything(prompts: Prompts):
    variables = given(country="Denmark", harbour="Gedser", question="High tide, {{harbour}}?")
    rendered = await prompts.request(arn("PROMPTTOOL", "1"), variables)
    inference_profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile"
    assert rendered.model_id == f"{inference_profile}/{HAIKU}"
    assert rendered.converse == {
        "system": [{"text": "You know the harbours of Denmark."}, POINT],
        "messages": [
            {"role": "user", "content": [{"text": "I will ask about Gedser."}, POINT]},
            {"role": "assistant", "content": [{"text": "Please do."}]},
            {"role": "user", "content": [{"text": "High tide, {{harbour}}?"}]},
        ],
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
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
                }
            ],
            "toolChoice": {"auto": {}},
        },
        "inferenceConfig": {"temperature": 0.5, "maxTokens": 300, "stopSequences": ["END"]},
        "additionalModelRequestFields": {"top_k": 40},
    }


@pytest.mark.parametrize(
    ("prompt", "variables", "model", "text"),
    [
        (
            arn("PROMPTSPC1", "1"),
            given(a="{{b}}", b="{{ a }}"),
            "amazon.nova-lite-v1:0",
            "echo: From {{b}} to {{ a }} and back to {{b}}.",
        ),
        (arn("PROMPTSPC1"), given(a=" "), "amazon.nova-lite-v1:0", "echo:  "),
        (arn("PROMPTVAR1", "1"), given(who="Ada"), HAIKU, "echo: Good day, Ada"),
        (arn("PROMPTVAR1", "DRAFT"), given(who="Ada"), HAIKU, "echo: Draft for Ada"),
        (
            arn("PROMPTCCH1"),
            given(game="Go"),
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
            "echo: The rules of Go are long.",
        ),
        (
            arn("PROMPTGOV1", region="us-gov-west-1", partition="aws-us-gov"),
            given(who="Ada"),
            "amazon.nova-lite-v1:0",
            "echo: Far away, Ada",
        ),
    ],
)
async def test_other_prompts(prompts: Prompts, prompt, variables, model, text):
    rendered = await prompts.request(prompt, variables)
    assert rendered.model_id == model
    assert rendered.converse["messages"][0]["content"][0] == {"text": text}


async def test_a_prompt_is_fetched_once_for_a_while(make_prompts: MakePrompts, control: Control):
    prompts = await make_prompts(prompt_seconds=0.5)
    for text in ("1", "2"):
        rendered = await prompts.request(arn("PROMPTSPC1"), given(a=text))
        rendered.converse.clear()
    with pytest.raises(InvalidVariables):
        await prompts.request(arn("PROMPTSPC1"), None)
    assert fetched(control, "PROMPTSPC1") == 1
    await prompts.request(arn("PROMPTSPC1", "1"), given(a="1", b="2"))
    assert fetched(control, "PROMPTSPC1") == 2
    await asyncio.sleep(0.6)
    await prompts.request(arn("PROMPTSPC1"), given(a="1"))
    assert fetched(control, "PROMPTSPC1") == 3


async def test_nothing_is_kept_where_that_is_asked_for(make_prompts: MakePrompts, control: Control):
    prompts = await make_prompts(prompt_seconds=0)
    for _ in range(3):
        await prompts.request(arn("PROMPTSPC1"), given(a="1"))
    assert fetched(control, "PROMPTSPC1") == 3


def slow(control: Control, seconds: float = 0.4) -> None:
    control.faults({"match": "PROMPTSPC1", "kind": "latency", "seconds": seconds})


async def test_callers_at_the_same_time_share_a_fetch(prompts: Prompts, control: Control):
    slow(control)
    wanted = [prompts.request(arn("PROMPTSPC1"), given(a=str(n))) for n in range(20)]
    for number, rendered in enumerate(await asyncio.gather(*wanted)):
        assert rendered.converse["messages"][0]["content"] == [{"text": f"echo: {number}"}]
    assert fetched(control, "PROMPTSPC1") == 1


async def test_a_caller_who_leaves_takes_nothing_from_the_others(
    prompts: Prompts, control: Control
):
    slow(control)
    first, second = (
        asyncio.create_task(prompts.request(arn("PROMPTSPC1"), given(a=text))) for text in "12"
    )
    await asyncio.sleep(0.15)
    first.cancel()
    assert (await second).converse["messages"][0]["content"] == [{"text": "echo: 2"}]
    assert first.cancelled() and fetched(control, "PROMPTSPC1") == 1


async def test_an_error_is_for_all_who_wait_and_is_not_kept(prompts: Prompts, control: Control):
    control.faults(
        {"match": "PROMPTSPC1", "kind": "status", "status": 429, "retry_after": 7, "count": 1}
    )
    wanted = [prompts.request(arn("PROMPTSPC1"), given(a="1")) for _ in range(5)]
    errors = await asyncio.gather(*wanted, return_exceptions=True)
    assert all(isinstance(error, PromptThrottled) for error in errors)
    assert errors[0].status == 429 and errors[0].headers == {"retry-after": "7"}
    await prompts.request(arn("PROMPTSPC1"), given(a="1"))
    assert fetched(control, "PROMPTSPC1") == 2


async def refusal(prompts: Prompts, prompt: PromptArn, variables: Any = None) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        await prompts.request(prompt, variables)
    error = caught.value
    assert not any(part in error.message for part in ("assumed-role", "simulated", "127.0.0.1"))
    return error


@pytest.mark.parametrize(
    ("prompt", "kind", "status", "words"),
    [
        (arn("NOSUCHPRMT"), PromptNotFound, 404, "prompt/NOSUCHPRMT"),
        (arn("PROMPTSPC1", "99"), PromptNotFound, 404, "PROMPTSPC1:99"),
        (arn("PROMPTSPC1", region="eu-west-1"), PromptNotFound, 404, "eu-west-1"),
        (arn("PROMPTAGT1"), PromptUnusable, 400, "agent"),
        (arn("PROMPTTXT1"), PromptUnusable, 400, "modelId"),
        (arn("PROMPTSPC1", "1"), InvalidVariables, 400, "'a', 'b'"),
    ],
)
async def test_prompts_that_cannot_be_had(prompts: Prompts, prompt, kind, status, words):
    error = await refusal(prompts, prompt)
    assert type(error) is kind and error.status == status and words in error.message


async def test_a_prompt_that_the_gateway_may_not_read(prompts: Prompts):
    text = "arn:aws:bedrock:us-east-1:210987654321:prompt/PROMPTSPC1"
    error = await refusal(prompts, PromptArn.parse(text))
    assert type(error) is PromptForbidden and error.status == 403
    assert error.message == f"The gateway may not read the prompt {text}."


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 403, "code": "ExpiredTokenException"},
        {"kind": "status", "status": 418},
        {"kind": "reset"},
        {"kind": "malformed_json"},
    ],
)
async def test_aws_that_does_not_work(prompts: Prompts, control: Control, fault):
    control.faults({"match": "PROMPTSPC1", **fault})
    error = await refusal(prompts, arn("PROMPTSPC1"), given(a="1"))
    assert isinstance(error, UpstreamUnavailable) and error.status == 503
    control.faults()
    await prompts.request(arn("PROMPTSPC1"), given(a="1"))


async def test_aws_that_cannot_be_reached(make_prompts: MakePrompts):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    prompts = await make_prompts(bedrock_agent_endpoint=f"http://127.0.0.1:{port}")
    error = await refusal(prompts, arn("PROMPTSPC1"))
    assert isinstance(error, UpstreamUnavailable) and "Amazon Bedrock" in error.message


async def test_credentials_that_are_not_there(prompts: Prompts, credentials: Any):
    credentials.delenv("AWS_ACCESS_KEY_ID")
    credentials.delenv("AWS_SECRET_ACCESS_KEY")
    error = await refusal(prompts, arn("PROMPTSPC1"))
    assert isinstance(error, UpstreamUnavailable) and "Amazon Bedrock" in error.message


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_ACCESS_KEY_ID", "unknown")]
)
async def test_credentials_that_are_not_good(prompts: Prompts, credentials: Any, name, value):
    credentials.setenv(name, value)
    assert type(await refusal(prompts, arn("PROMPTSPC1"))) is PromptsUnavailable


async def test_slow_credentials_block_nobody(prompts: Prompts, credentials: Any, tmp_path):
    credentials.delenv("AWS_ACCESS_KEY_ID")
    credentials.delenv("AWS_SECRET_ACCESS_KEY")
    script = tmp_path / "credentials.py"
    answer = '{"Version": 1, "AccessKeyId": "simulated", "SecretAccessKey": "simulated"}'
    script.write_text(f"import time; time.sleep(0.5); print('{answer}')")
    config = f"[default]\ncredential_process = {sys.executable} {script}\n"
    (tmp_path / "config").write_text(config)
    fetching = asyncio.create_task(prompts.request(arn("PROMPTSPC1"), given(a="1")))
    longest, last = 0.0, time.monotonic()
    while not fetching.done():
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert (await fetching).model_id and longest < 0.4
