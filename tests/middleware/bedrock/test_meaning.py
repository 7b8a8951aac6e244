"""Any valid Converse conversation keeps its meaning as a chat completion's messages.

The messages are read back by a reader of this test's own, written from OpenAI's and LiteLLM's formats.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from middleware.bedrock import schema
from middleware.catalogue import Catalogue, Route

from .conversations import Meaning, cache_points, conversations, meaning
from .translation import sent

ROUTES = {
    "openai": Route("m", frozenset({"openai"})),
    "bedrock": Route("m", frozenset({"bedrock"})),
    "mixed": Route("m", frozenset({"bedrock", "openai"})),
}
LABEL = re.compile(r"From the result of the tool call (.+):", re.S)
DOCUMENT = re.compile(r"Document ([\w-]+):\n\n(.*)", re.S)
CATALOGUE = Catalogue(None, "")


@pytest.mark.parametrize("provider", ROUTES)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=conversations())
def test_any_conversation_keeps_its_meaning(provider, request):
    schema.request("Converse")(request, "")
    given_ = copy.deepcopy(request)
    body = sent(request, ROUTES[provider], CATALOGUE)
    assert request == given_, "the request was changed"
    body = json.loads(json.dumps(body))  # only what a chat completion's JSON carries
    system, turns = meaning(request, bedrock=provider == "bedrock")
    assert_same(*read(body["messages"]), system, turns)
    for marks, points in zip(marked(body["messages"]), cache_points(request), strict=True):
        # a call ends its turn, so points after it and after what a chat completion puts before it are one
        assert min(points, 1) <= marks <= points


def marked(messages: list[dict[str, Any]]) -> list[int]:
    """How many parts are marked for the cache in the system message, and in each turn."""
    found = [0]
    before = "system"
    for message in messages:
        role = "user" if message["role"] == "tool" else message["role"]
        if role != "system":
            found += [0] * (role != before)
            before = role
        found[-1] += json.dumps(message).count('"cache_control"')
    return found


def assert_same(system, turns, wanted_system, wanted_turns) -> None:
    assert_parts(system, wanted_system)
    assert len(turns) == len(wanted_turns)
    for turn, wanted in zip(turns, wanted_turns, strict=True):
        assert turn["thoughts"] == wanted["thoughts"]
        assert turn["calls"] == wanted["calls"]
        assert_parts(turn["parts"], wanted["parts"])
        assert len(turn["results"]) == len(wanted["results"])
        for found, result in zip(turn["results"], wanted["results"], strict=True):
            assert found[:2] == result[:2]
            assert_parts(found[2], result[2])


def assert_parts(found: list[Any], wanted: list[Any]) -> None:
    assert len(found) == len(wanted)
    for part, other in zip(found, wanted, strict=True):
        if other[0] == "json":
            assert part[0] == "text" and json.loads(part[1]) == other[1]
        elif part[0] == "text" and other[0] == "document":
            assert DOCUMENT.fullmatch(part[1]).groups() == other[1:]
        else:
            assert part == other


def read(messages: list[dict[str, Any]]) -> tuple[list[Any], list[Meaning]]:
    """The meaning of a chat completion's messages: system parts, and turns that alternate."""
    system: list[Any] = []
    turns: list[Meaning] = []
    in_user_turn = False
    for message in messages:
        role = message["role"]
        if role == "system":
            assert not turns
            system = parts(message["content"])
            continue
        if role == "assistant" or not in_user_turn:
            turns.append({"parts": [], "thoughts": [], "calls": [], "results": []})
        in_user_turn = role != "assistant"
        turn = turns[-1]
        if role == "tool":
            assert not turn["parts"], "a tool's result stands after the user's own words"
            turn["results"].append(result(message))
        elif role == "assistant":
            turn["parts"] = parts(message["content"])
            turn["calls"] = [call(one) for one in message.get("tool_calls", ())]
            turn["thoughts"] = [thought(one) for one in message.get("thinking_blocks", ())]
        else:
            turn["parts"] = parts(message["content"])
    return system, turns


def result(message: dict[str, Any]) -> tuple[str, bool, list[Any]]:
    found = parts(message["content"])
    failed = found[:1] == [("text", "The tool failed:")]
    return message["tool_call_id"], failed, found[failed:]


def parts(content: str | list[dict[str, Any]] | None) -> list[Any]:
    if not content:
        return []
    if isinstance(content, str):
        return [text(content)]
    return [part(one) for one in content]


def part(one: dict[str, Any]) -> tuple[Any, ...]:
    match one["type"]:
        case "text":
            return text(one["text"])
        case "image_url":
            kind, data = re.fullmatch(
                r"data:image/(\w+);base64,(.*)", one["image_url"]["url"]
            ).groups()
            return ("image", kind, base64.b64decode(data))
        case "file":
            _, data = one["file"]["file_data"].split(";base64,")
            return ("file", one["file"]["filename"], base64.b64decode(data))
    raise AssertionError(one)


def text(said: str) -> tuple[str, ...]:
    if said == "(attached to the next message)":
        return ("see below",)
    if label := LABEL.fullmatch(said):
        return ("of the result", label[1])
    return ("text", said)


def call(one: dict[str, Any]) -> tuple[str, str, Any]:
    assert one["type"] == "function"
    return one["id"], one["function"]["name"], json.loads(one["function"]["arguments"])


def thought(one: dict[str, Any]) -> tuple[Any, Any, Any]:
    return one.get("thinking"), one.get("signature"), one.get("data")
