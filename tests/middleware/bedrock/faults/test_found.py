"""What the fuzzer found, each case for itself."""

from __future__ import annotations

import json

import pytest

from middleware.bedrock import schema
from middleware.bedrock.errors import BedrockError, ModelErrorException, ValidationException
from middleware.bedrock.response import converse_response
from middleware.bedrock.stream import ConverseEvents
from middleware.catalogue import Catalogue, Route
from tests.middleware.bedrock.translation import sent

CALL = {"id": "c", "function": {"name": "weather", "arguments": "{}"}}


def translated(*content, role="user") -> dict:
    messages = [{"role": "user", "content": [{"text": "hi"}]}] if role == "assistant" else []
    request = {"messages": [*messages, {"role": role, "content": list(content)}]}
    schema.request("Converse")(request, "")
    return sent(request, Route("m"), Catalogue(None, ""))["messages"][-1]


def completion(finish="stop", usage=None, **message) -> dict:
    return {"choices": [{"message": message, "finish_reason": finish}], "usage": usage or {}}


@pytest.mark.parametrize(
    ("block", "content"),
    [
        ({"text": "x", "toolResult": None, "image": None}, "x"),
        ({"guardContent": {"image": None, "text": {"text": "x", "qualifiers": None}}}, "x"),
        ({"document": {"name": "n", "source": {"bytes": None, "text": "x"}}}, "Document n:\n\nx"),
    ],
)
def test_a_null_member_is_an_absent_one(block, content):
    assert translated(block) == {"role": "user", "content": content}


def test_a_null_member_of_a_tool_result_is_absent_and_one_of_its_json_stays():
    result = {"toolUseId": "a", "content": [{"text": None, "json": {"sun": None}}], "status": None}
    assert translated({"toolResult": result})["content"] == '{"sun":null}'


def test_json_that_can_be_read_but_not_written_is_refused():
    deep = json.loads('{"a":' * 300 + "1" + "}" * 300)
    use = {"toolUse": {"toolUseId": "a", "name": "n", "input": deep}}
    with pytest.raises(ValidationException, match="nested more than"):
        translated(use, role="assistant")


@pytest.mark.parametrize("value", [[1], "text", 3])
def test_a_tools_input_is_an_object(value):
    use = {"toolUse": {"toolUseId": "a", "name": "n", "input": value}}
    with pytest.raises(ValidationException, match=r"content\.0\.toolUse\.input is invalid"):
        translated(use, role="assistant")


@pytest.mark.parametrize(
    "answer",
    [
        {"choices": [None]},
        {"choices": {"a": 1}},
        {"choices": [{"message": ["x"]}]},
        completion(content={"a": 1}),
        completion(content="x", tool_calls=[{**CALL, "function": None}]),
        completion(content="x", tool_calls=[{**CALL, "function": {"name": "", "arguments": "{}"}}]),
        completion(thinking_blocks=[{"type": "thinking", "thinking": 7}]),
        completion(thinking_blocks=[{"type": "redacted_thinking", "data": "not base64!"}]),
        completion(finish=["stop"], content="x"),
        completion(content="x", usage={"completion_tokens": -1}),
        completion(content="x", usage={"prompt_tokens": "many"}),
    ],
)
def test_an_answer_of_odd_types_is_the_models_error(answer):
    with pytest.raises(ModelErrorException):
        converse_response({}, answer, 0)


@pytest.mark.parametrize("code", ["²", "4" * 5000, "4xx", [], {"a": 1}, None, True])
def test_an_error_with_an_odd_code_is_an_error_in_the_callers_protocol(code):
    with pytest.raises(BedrockError):
        ConverseEvents({}).feed(json.dumps({"error": {"code": code, "message": "no"}}).encode())


@pytest.mark.parametrize(
    "delta",
    [
        ["x"],
        {"content": 7},
        {"tool_calls": [None]},
        {"tool_calls": [{"index": [0], "function": {"name": "n"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        {"thinking_blocks": [{"thinking": {"a": 1}}]},
    ],
)
def test_a_chunk_of_odd_types_is_the_models_error(delta):
    with pytest.raises(ModelErrorException):
        ConverseEvents({}).feed(json.dumps({"choices": [{"delta": delta}]}).encode())
