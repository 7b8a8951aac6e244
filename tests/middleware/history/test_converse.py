"""A kept conversation, from whichever interface, is a conversation that Converse takes."""

from __future__ import annotations

import base64
import copy
import json
import re
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings

from middleware.bedrock import schema
from middleware.bedrock.media import document_name
from middleware.bedrock.messages import chat_messages, system_message
from middleware.catalogue import Route
from middleware.history.converse import BEGINNING, DOCUMENTS, NOTHING, converse_history
from tests.middleware.bedrock import conversations as converse
from tests.middleware.chat import drawn

BEDROCK = Route("m", frozenset({"bedrock"}))
PNG = "data:image/png;base64,aGk="
CACHE = {"cache_control": {"type": "ephemeral"}}
POINT = {"cachePoint": {"type": "default"}}
NAME = re.compile(r"[a-zA-Z0-9()\[\]-]+( [a-zA-Z0-9()\[\]-]+)*")


def turns(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    rendered = converse_history(list(messages))
    assert_is_taken(rendered)
    return rendered["messages"]


def said(*parts: Any) -> list[dict[str, Any]]:
    """What becomes of the parts of a user's message."""
    (turn,) = turns({"role": "user", "content": list(parts)})
    assert turn["role"] == "user"
    return turn["content"]


def assistant(**members: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, **members}


def answered(**members: Any) -> list[dict[str, Any]]:
    """What becomes of an assistant's message."""
    _, turn = turns({"role": "user", "content": "a"}, assistant(**members))
    assert turn["role"] == "assistant"
    return turn["content"]


def call(identifier: str | None, name: str = "f", arguments: Any = "{}", **more: Any) -> Any:
    made = {"type": "function", "function": {"name": name, "arguments": arguments}, **more}
    return made if identifier is None else {"id": identifier, **made}


def tool(identifier: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identifier, "content": content, **more}


def assert_is_taken(rendered: dict[str, Any]) -> None:
    """By AWS: what its service model says, and what its documentation and its errors say beyond it."""
    schema.request("Converse")(copy.deepcopy(rendered), "")
    assert set(rendered) == {"messages", "system"}
    documents: list[str] = []
    for index, message in enumerate(rendered["messages"]):
        content = message["content"]
        assert message["role"] == ("assistant" if index % 2 else "user")
        assert content
        kinds = [next(iter(block)) for block in content]
        of_all = [*content, *(inner for block in content for inner in inside(block))]
        documents += [block["document"]["name"] for block in of_all if "document" in block]
        if "document" in kinds:
            assert "text" in kinds
        if index % 2:
            assert not set(kinds) - {"text", "reasoningContent", "toolUse", "cachePoint"}
            ids = [block["toolUse"]["toolUseId"] for block in content if "toolUse" in block]
        else:
            assert "toolUse" not in kinds and "reasoningContent" not in kinds
            without_points = [kind for kind in kinds if kind != "cachePoint"]
            results = without_points.count("toolResult")
            assert set(without_points[:results]) <= {"toolResult"}
            ids = [block["toolResult"]["toolUseId"] for block in content if "toolResult" in block]
            assert all(block["toolResult"]["content"] for block in content if "toolResult" in block)
        assert len(ids) == len(set(ids))
        assert all(block["text"].strip() for block in of_all if "text" in block)
    assert len(documents) == len(set(documents))
    assert all(NAME.fullmatch(name) for name in documents)
    assert all(block.get("text", "x").strip() for block in rendered["system"])
    orjson.dumps({"a turn": [rendered]})


def inside(block: dict[str, Any]) -> list[dict[str, Any]]:
    return block["toolResult"]["content"] if "toolResult" in block else []


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


def test_plain_words():
    assert converse_history(
        [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "a"},
            {"role": "developer", "content": "be kind"},
            {"role": "assistant", "content": "b"},
        ]
    ) == {
        "system": [{"text": "be brief"}, {"text": "be kind"}],
        "messages": [
            {"role": "user", "content": [{"text": "a"}]},
            {"role": "assistant", "content": [{"text": "b"}]},
        ],
    }


def test_nothing_is_nothing():
    assert converse_history([]) == {"messages": [], "system": []}
    assert converse_history([{"role": "user", "content": " "}, assistant()])["messages"] == []


def test_an_assistant_who_begins_is_asked_to():
    first, second = turns({"role": "assistant", "content": "hello"})
    assert first == {"role": "user", "content": [{"text": BEGINNING}]}
    assert second["content"] == [{"text": "hello"}]


def test_roles_take_turns():
    one, two, three = turns(
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": "d"},
        {"role": "user", "content": "e"},
    )
    assert one["content"] == [{"text": "a"}, {"text": "b"}]
    assert two["content"] == [{"text": "c"}, {"text": "d"}]
    assert three["content"] == [{"text": "e"}]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        ({"type": "guarded_text", "text": "g"}, {"guardContent": {"text": {"text": "g"}}}),
        (
            {"type": "image_url", "image_url": {"url": PNG}},
            {"image": {"format": "png", "source": {"bytes": "aGk="}}},
        ),
        (
            {"type": "image_url", "image_url": "data:image/jpg;base64,aGk="},
            {"image": {"format": "jpeg", "source": {"bytes": "aGk="}}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:video/3gpp;base64,aGk="}},
            {"video": {"format": "three_gp", "source": {"bytes": "aGk="}}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
            {"audio": {"format": "wav", "source": {"bytes": "aGk="}}},
        ),
    ],
)
def test_parts_that_converse_has_blocks_for(part, block):
    assert said(part) == [block]


@pytest.mark.parametrize(
    ("file", "name", "kind"),
    [
        (
            {"filename": "my report_v2.pdf", "file_data": "data:application/pdf;base64,aGk="},
            "my report-v2",
            "pdf",
        ),
        (
            {"filename": "a.b.CSV", "file_data": "data:application/octet-stream;base64,aGk="},
            "a-b",
            "csv",
        ),
        ({"filename": "x.py", "file_data": "data:text/x-python;base64,aGk="}, "x-py", "txt"),
        ({"filename": "n.docx", "file_data": "aGk="}, "n", "docx"),
        ({"file_data": "data:text/html;base64,aGk="}, "document", "html"),
        ({"filename": "n.md", "file_data": "data:text/markdown,hi"}, "n", "md"),
    ],
)
def test_files_are_documents(file, name, kind):
    placeholder, block = said({"type": "file", "file": file})
    assert placeholder == {"text": DOCUMENTS}
    assert block == {
        "document": {
            "format": kind,
            "name": name,
            "source": {"bytes": block["document"]["source"]["bytes"]},
        }
    }
    assert base64.b64decode(block["document"]["source"]["bytes"]) == b"hi"


def test_no_two_documents_have_the_same_name():
    file = {
        "type": "file",
        "file": {"filename": "d.pdf", "file_data": "data:application/pdf;base64,aGk="},
    }
    first, _, second = turns(
        {"role": "user", "content": ["see", file, file]},
        assistant(content="b"),
        {"role": "user", "content": ["see", file]},
    )
    names = [block["document"]["name"] for turn in (first, second) for block in turn["content"][1:]]
    assert names == ["d", "d (2)", "d (3)"]


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://a.example/1.png"}},
            "(an image: https://a.example/1.png)",
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,aGk="}},
            "(an image: image/svg+xml)",
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}},
            "(an image: image/png)",
        ),
        ({"type": "video_url", "video_url": {"url": "gs://a/b"}}, "(a video: gs://a/b)"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "(a file: file-1)"),
        (
            {
                "type": "file",
                "file": {"filename": "a.zip", "file_data": "data:application/zip;base64,aGk="},
            },
            "(a file: a.zip, application/zip)",
        ),
        ({"type": "file", "file": {}}, "(a file: without a name)"),
        (
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "midi"}},
            "(audio in the format midi)",
        ),
        ({"type": "refusal", "refusal": "no"}, "no"),
        ({"type": "query", "text": "q"}, "q"),
        ({"type": "hologram", "of": 1}, '{"type":"hologram","of":1}'),
        ("bare", "bare"),
    ],
)
def test_what_converse_has_no_block_for_is_told(part, text):
    assert said(part) == [{"text": text}]


def test_marks_for_the_cache_are_points_after_what_is_cached():
    assert said({"type": "text", "text": "a", **CACHE}, {"type": "text", "text": " ", **CACHE}) == [
        {"text": "a"},
        POINT,
    ]
    (turn,) = turns(
        {"role": "user", "content": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    )
    assert turn["content"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    _, content = answered(tool_calls=[call("t1", **CACHE)])
    assert content == POINT
    (turn,) = turns(tool("t1", "r", **CACHE), {"role": "user", "content": "and?"})
    assert [next(iter(block)) for block in turn["content"]] == ["toolResult", "cachePoint", "text"]


def test_system_messages_hold_texts():
    parts = [
        {"type": "text", "text": "a", **CACHE},
        {"type": "guarded_text", "text": "g"},
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "image_url", "image_url": {"url": "data:image/gif;base64,aGk="}},
        {"type": "file", "file": {"filename": "d.txt", "file_data": "data:text/plain;base64,aGk="}},
    ]
    rendered = converse_history([{"role": "system", "content": parts}])
    assert_is_taken(rendered)
    assert rendered["system"] == [
        {"text": "a"},
        POINT,
        {"guardContent": {"text": {"text": "g"}}},
        {"guardContent": {"image": {"format": "png", "source": {"bytes": "aGk="}}}},
        {"text": "(an image: image/gif)"},
        {"text": "Document d:\n\nhi"},
    ]


def test_an_assistant_shows_no_pictures_and_no_documents():
    file = {"filename": "d.txt", "file_data": "data:text/plain;base64,aGk="}
    content = [{"type": "image_url", "image_url": {"url": PNG}}, {"type": "file", "file": file}]
    assert answered(content=content, images=[{"image_url": {"url": PNG}}]) == [
        {"text": "(an image: image/png)"},
        {"text": "Document d:\n\nhi"},
        {"text": "(an image: image/png)"},
    ]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ('{"a":1}', {"a": 1}),
        ("", {}),
        (None, {}),
        ({"a": 1}, {"a": 1}),
        ("[1]", {"arguments": "[1]"}),
        ("broken {", {"arguments": "broken {"}),
    ],
)
def test_calls_are_tool_uses(arguments, wanted):
    assert answered(tool_calls=[call("t1", "get weather!", arguments)]) == [
        {"toolUse": {"toolUseId": "t1", "name": "get_weather_", "input": wanted}}
    ]


def test_what_can_be_read_and_not_written_is_a_text():
    deep = '{"a":' * 250 + "1" + "}" * 250
    (block,) = answered(tool_calls=[call("t1", "f", deep)])
    assert block["toolUse"]["input"] == {"arguments": deep}


def test_custom_calls_and_functions_of_old():
    assert answered(
        tool_calls=[{"id": "t1", "type": "custom", "custom": {"name": "sh", "input": "ls"}}]
    ) == [{"toolUse": {"toolUseId": "t1", "name": "sh", "input": {"arguments": "ls"}}}]
    _, use, result = turns(
        {"role": "user", "content": "a"},
        assistant(function_call={"name": "f", "arguments": "{}"}),
        {"role": "function", "name": "f", "content": "r"},
    )
    assert (
        use["content"][0]["toolUse"]["toolUseId"] == result["content"][0]["toolResult"]["toolUseId"]
    )
    assert result["content"][0]["toolResult"]["content"] == [{"text": "r"}]


def test_both_sides_of_a_call_have_the_same_id():
    long = "call_" + "x" * 80 + "ä"
    _, uses, results = turns(
        {"role": "user", "content": "a"},
        assistant(
            tool_calls=[call("a b"), call(long), call("a_b"), call(long + "2"), call(None, "g")]
        ),
        tool(long, "1"),
        tool("a b", "2"),
        tool(long + "2", "3"),
        tool("a_b", "4"),
        tool("", "5"),
    )
    used = [block["toolUse"]["toolUseId"] for block in uses["content"]]
    answers = {
        block["toolResult"]["toolUseId"]: block["toolResult"]["content"][0]["text"]
        for block in results["content"]
    }
    assert [answers[identifier] for identifier in used] == ["2", "1", "4", "3", "5"]


def test_calls_with_one_id_in_one_turn_get_two():
    _, uses, results = turns(
        {"role": "user", "content": "a"},
        assistant(tool_calls=[call("call_0", "f"), call("call_0", "g")]),
        tool("call_0", "of f"),
        tool("call_0", "of g"),
        tool("call_0", "more"),
    )
    first, second = (block["toolUse"]["toolUseId"] for block in uses["content"])
    one, two = (block["toolResult"] for block in results["content"])
    assert (one["toolUseId"], two["toolUseId"]) == (first, second)
    assert one["content"] == [{"text": "of f"}, {"text": "more"}]
    assert two["content"] == [{"text": "of g"}]


def test_results_come_before_the_rest_and_hold_what_they_can():
    sound = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
    image = {"type": "image_url", "image_url": {"url": PNG}}
    (turn,) = turns(
        {"role": "user", "content": "and?"},
        tool("t1", [{"type": "text", "text": "r"}, image, sound]),
        tool("t2", ""),
    )
    one, two, *rest = turn["content"]
    assert one["toolResult"]["content"] == [
        {"text": "r"},
        {"image": {"format": "png", "source": {"bytes": "aGk="}}},
    ]
    assert two["toolResult"]["content"] == [{"text": NOTHING}]
    assert rest == [
        {"text": "and?"},
        {"text": "From the result of the tool call t1:"},
        {"audio": {"format": "wav", "source": {"bytes": "aGk="}}},
    ]


@pytest.mark.parametrize(
    "content",
    [
        "The tool failed: no network",
        "The tool failed:\n\nno network",
        [{"type": "text", "text": "The tool failed:"}, {"type": "text", "text": "no network"}],
    ],
)
def test_a_tool_that_failed(content):
    (turn,) = turns(tool("t1", content))
    assert turn["content"][0]["toolResult"] == {
        "toolUseId": "t1",
        "content": [{"text": "no network"}],
        "status": "error",
    }


def test_thoughts_come_first_with_their_signatures():
    thoughts = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "thinking", "thinking": "", "signature": "s2"},
        {"type": "thinking", "thinking": " "},
        {"type": "redacted_thinking", "data": "aGk="},
        {"type": "redacted_thinking", "data": "not base64"},
    ]
    assert answered(content="b", thinking_blocks=thoughts, reasoning_content="hm") == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"reasoningContent": {"reasoningText": {"text": "", "signature": "s2"}}},
        {"reasoningContent": {"redactedContent": "aGk="}},
        {"reasoningContent": {"redactedContent": drawn.encoded(b"not base64")}},
        {"text": "b"},
    ]
    assert answered(content="b", reasoning_content="hm") == [
        {"reasoningContent": {"reasoningText": {"text": "hm"}}},
        {"text": "b"},
    ]


def test_refusals_and_spoken_words_are_said():
    assert answered(refusal="no") == [{"text": "no"}]
    assert answered(audio={"id": "a", "data": "aGk=", "transcript": "hello"}) == [{"text": "hello"}]
