"""Strictly by the books: botocore's service model for answers, no 5xx for any body."""

import copy
import json
import random

import httpx
import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.session import Session
from botocore.validate import ParamValidator

NOVA = "amazon.nova-lite-v1:0"
HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
TOOL = {"name": "get_weather", "inputSchema": {"json": {"type": "object"}}}
GUARD = {"guardrailIdentifier": "grworkbench1", "guardrailVersion": "1", "trace": "enabled"}
BODIES = {
    "text": {"messages": [{"role": "user", "content": [{"text": "echo: mail a@b.example"}]}]},
    "tools": {
        "messages": [{"role": "user", "content": [{"text": "weather?"}]}],
        "toolConfig": {"tools": [{"toolSpec": TOOL}], "toolChoice": {"any": {}}},
    },
    "reasoning": {
        "messages": [{"role": "user", "content": [{"text": "echo: x"}]}],
        "additionalModelRequestFields": {"thinking": {"type": "enabled"}},
    },
    "guarded": {
        "messages": [{"role": "user", "content": [{"text": "a moonshine recipe"}]}],
        "guardrailConfig": GUARD,
    },
    "masked": {
        "messages": [{"role": "user", "content": [{"text": "echo: mail a@b.example TICKET-1234"}]}],
        "guardrailConfig": GUARD,
        "serviceTier": {"type": "default"},
    },
}


def strict(shape, value):
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize("name", BODIES)
def test_answers_fit_the_service_model(base, name):
    model = Session().get_service_model("bedrock-runtime")
    url = f"{base}/bedrock/model/{HAIKU}"
    headers = {"authorization": "Bearer k"}
    whole = httpx.post(f"{url}/converse", json=BODIES[name], headers=headers, timeout=60)
    assert whole.status_code == 200, whole.text
    strict(model.shape_for("ConverseResponse"), whole.json())
    streamed = httpx.post(f"{url}/converse-stream", json=BODIES[name], headers=headers, timeout=60)
    members = model.shape_for("ConverseStreamOutput").members
    buffer = EventStreamBuffer()
    buffer.add_data(streamed.content)
    for frame in buffer:
        strict(members[frame.headers[":event-type"]], json.loads(frame.payload))


SEEDS = [
    (
        "openai/v1/chat/completions",
        {
            "model": "gpt-4o-mini",
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": [{"type": "text", "text": "weather?"}]},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "c",
                            "type": "function",
                            "function": {"name": "f", "arguments": "{}"},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "c", "content": "x"},
            ],
            "tools": [
                {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
            ],
            "tool_choice": "auto",
            "stop": ["a"],
            "max_tokens": 5,
        },
    ),
    (
        "openai/v1/chat/completions",
        {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": "x"}],
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": "x",
                    "schema": {
                        "type": "object",
                        "properties": {
                            "a": {"type": "array", "items": {"type": "integer", "minimum": 1}}
                        },
                        "required": ["a"],
                    },
                },
            },
        },
    ),
    (
        f"bedrock/model/{NOVA}/converse",
        {
            "messages": [
                {"role": "user", "content": [{"text": "hi"}, {"cachePoint": {"type": "default"}}]},
                {
                    "role": "assistant",
                    "content": [{"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}],
                },
                {
                    "role": "user",
                    "content": [
                        {"toolResult": {"toolUseId": "t", "content": [{"json": {"a": 1}}]}}
                    ],
                },
            ],
            "system": [{"text": "s"}],
            "toolConfig": {"tools": [{"toolSpec": TOOL}], "toolChoice": {"auto": {}}},
            "inferenceConfig": {"maxTokens": 4, "temperature": 0.5},
            "guardrailConfig": GUARD,
            "additionalModelRequestFields": {"thinking": {"type": "disabled"}},
        },
    ),
    (
        f"bedrock/model/{HAIKU}/invoke",
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 4,
            "system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "hi"},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": "aGk="},
                        },
                    ],
                }
            ],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "auto"},
        },
    ),
    (
        "bedrock/guardrail/grworkbench1/version/1/apply",
        {"source": "INPUT", "content": [{"text": {"text": "x"}}]},
    ),
    (f"bedrock/model/{NOVA}/count-tokens", {"input": {"converse": BODIES["tools"]}}),
]
VALUES = [None, 0, -1, 1.5, "", "x", [], {}, True, [None], {"a": 1}, 10**30]


def places(value, path=()):
    if path:
        yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, part in items:
        yield from places(part, (*path, key))


def test_no_body_makes_it_fail(base, control):
    for model in ("gpt-4o", "gpt-4o-mini", NOVA, HAIKU):
        control.profile(model, ttft_ms={"constant": 0}, itl_ms={"constant": 0})
    draw = random.Random(1)
    statuses = set()
    with httpx.Client(base_url=base, headers={"authorization": "Bearer k"}, timeout=60) as http:
        for _ in range(500):
            path, body = copy.deepcopy(draw.choice(SEEDS))
            where = draw.choice(list(places(body)))
            node = body
            for key in where[:-1]:
                node = node[key]
            if draw.random() < 0.3:
                del node[where[-1]]
            else:
                node[where[-1]] = copy.deepcopy(draw.choice(VALUES))
            reply = http.post(path, content=json.dumps(body))
            assert reply.status_code < 500, (path, body)
            statuses.add(reply.status_code)
    assert statuses >= {200, 400}
