"""A kept conversation, from whichever interface, is a conversation that Converse takes."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings

from middleware.bedrock.media import document_name
from middleware.bedrock.messages import chat_messages, system_message
from middleware.catalogue import Route
from middleware.history.converse import DOCUMENTS, NOTHING, converse_history
from tests.middleware.bedrock import conversations as converse
from tests.middleware.chat import drawn

from .rendered import assert_is_taken

BEDROCK = Route("m", frozenset({"bedrock"}))


def strings(value: Any) -> list[str]:
    match value:
        case dict():
            return [text for inner in value.values() for text in strings(inner)]
        case list():
            return [text for inner in value for text in strings(inner)]
        case str():
            return [value]
    return []


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(messages=drawn.conversations)
def test_any_conversation_is_one_that_converse_takes_and_nothing_is_missing(messages):
    before = copy.deepcopy(messages)
    rendered = converse_history(messages)
    assert messages == before, "what is kept was changed"
    assert_is_taken(rendered)
    everything = "\n".join(strings(rendered))
    for text in drawn.texts_in(messages):
        assert text in everything
    assert set(drawn.pictures_in(messages)) <= set(strings(rendered))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(messages=drawn.conversations)
def test_what_is_rendered_can_be_said_again(messages):
    rendered = converse_history(messages)
    again = [
        *system_message(rendered["system"], BEDROCK),
        *chat_messages(silent(rendered), BEDROCK),
    ]
    assert_is_taken(converse_history(again))


def silent(rendered: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages without audio, which the gateway refuses for models of Bedrock's."""
    messages = copy.deepcopy(rendered["messages"])
    for message in messages:
        message["content"] = [
            {"text": "(sound)"} if "audio" in block else block for block in message["content"]
        ]
    return messages


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=converse.conversations())
def test_a_conversation_of_converse_comes_back_as_it_was(request):
    messages = [
        *system_message(request.get("system") or [], BEDROCK),
        *chat_messages(request["messages"], BEDROCK),
    ]
    rendered = converse_history(json.loads(json.dumps(messages)))
    assert_is_taken(rendered)
    assert normal(rendered) == normal(request)
    if all(len(ids) == len(set(ids)) for ids in call_ids(request)):
        assert [ids for ids in call_ids(rendered) if ids] == [
            ids for ids in call_ids(request) if ids
        ]
    if len(rendered["messages"]) == len(request["messages"]):
        found, wanted = converse.cache_points(rendered), converse.cache_points(request)
        for points, given_points in zip(found, wanted, strict=True):
            assert min(given_points, 1) <= points <= given_points


def normal(request: dict[str, Any]) -> tuple[list[Any], list[tuple[str, converse.Meaning]]]:
    """What a conversation means, where two forms of it mean the same.

    - JSON of a tool is its text, and a document that was given as text is a text that names it;
    - documents have other names: of AWS's characters, and each its own;
    - two results of one call in one turn are one, and a result without content says that there is nothing;
    - a turn of documents alone has a text;
    - blank texts and unsigned blank thoughts are not there, nor turns of nothing else;
    - two calls of one id in one turn have different ones.
    """
    system, read = converse.meaning(request, bedrock=True)
    found: list[tuple[str, converse.Meaning]] = []
    for number, turn in enumerate(read):
        role = "assistant" if number % 2 else "user"
        meant = {
            "parts": normal_parts(turn["parts"]),
            "thoughts": [one for one in turn["thoughts"] if one[1] or one[2] or one[0].strip()],
            "calls": [call[1:] for call in turn["calls"]],
            "results": [(*result[:2], normal_parts(result[2])) for result in turn["results"]],
        }
        if any(meant.values()):
            if found and found[-1][0] == role:
                _, before = found.pop()
                meant = {kind: before[kind] + meant[kind] for kind in meant}
            found.append((role, meant))
    for _, meant in found:
        meant["results"] = merged(meant["results"])
    return normal_parts(system), found


def merged(results: list[Any]) -> list[Any]:
    by_id: dict[str, Any] = {}
    for identifier, failed, content in results:
        failed_before, before = by_id.get(identifier, (False, []))
        by_id[identifier] = (failed_before or failed, before + content)
    return [(identifier, *result) for identifier, result in by_id.items()]


def call_ids(request: dict[str, Any]) -> list[list[str]]:
    return [
        [call[0] for call in turn["calls"]] for turn in converse.meaning(request, bedrock=True)[1]
    ]


def normal_parts(parts: list[Any]) -> list[Any]:
    found = []
    for part in parts:
        match part:
            case ("text", text) if not text.strip() or text in (DOCUMENTS, NOTHING):
                continue
            case ("json", value):
                found.append(("text", orjson.dumps(value).decode()))
            case ("document", name, text):
                found.append(("text", f"Document {name}:\n\n{text}"))
            case ("file", filename, data):
                name, _, ending = filename.rpartition(".")
                found.append(("file", re.sub(r" \(\d+\)$", "", document_name(name)), ending, data))
            case _:
                found.append(part)
    return found
