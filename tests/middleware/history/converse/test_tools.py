"""Calls of tools and their results are tool uses and tool results, and belong together."""

from __future__ import annotations

import pytest

from middleware.history.converse import NOTHING

from .rendered import PNG, answered, assistant, call, tool, turns


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
