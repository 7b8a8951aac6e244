"""A case as a request: the messages of either interface, with the text where the case wants it."""

from __future__ import annotations

import base64
from typing import Any

from gateway_lib.guardrails.suite import Case, Suite

NOTED = "Noted."
"""What the model is said to have answered in earlier turns."""
TOOL = "lookup"
_CALL = "call_1"
_FILE = "note.txt"
_SCHEMA: dict[str, Any] = {"type": "object", "properties": {"query": {"type": "string"}}}
_SAID = "Looks something up."

Message = dict[str, Any]


def openai_request(case: Case, suite: Suite) -> dict[str, Any]:
    """Fields of a chat completion: `messages`, and `tools` where there is a tool's result."""
    last = _question(case, suite)
    if case.place == "system":
        return {"messages": [_system(case.text), _user(last)]}
    if case.place == "tool_result":
        return {"messages": [_user(last), *_tool_messages(case.text)], "tools": [_TOOL]}
    if case.place == "document":
        encoded = base64.b64encode(case.text.encode()).decode()
        file = {"filename": _FILE, "file_data": f"data:text/plain;base64,{encoded}"}
        parts = [{"type": "file", "file": file}, {"type": "text", "text": last}]
        return {"messages": [{"role": "user", "content": parts}]}
    turns = [turn for text in _earlier(case) for turn in (_user(text), _assistant(NOTED))]
    return {"messages": [*turns, _user(last)]}


def converse_request(case: Case, suite: Suite) -> dict[str, Any]:
    """Fields of a Converse request: `messages`, `system` and `toolConfig`."""
    last = _text_block(_question(case, suite))
    if case.place == "system":
        return {"system": [{"text": case.text}], "messages": [_turn("user", last)]}
    if case.place == "tool_result":
        use = {"toolUseId": _CALL, "name": TOOL, "input": {"query": "it"}}
        result = {"toolUseId": _CALL, "content": [{"text": case.text}]}
        spec = {"name": TOOL, "description": _SAID, "inputSchema": {"json": _SCHEMA}}
        return {
            "messages": [
                _turn("user", last),
                _turn("assistant", {"toolUse": use}),
                _turn("user", {"toolResult": result}),
            ],
            "toolConfig": {"tools": [{"toolSpec": spec}]},
        }
    if case.place == "document":
        source = {"bytes": case.text.encode()}
        file = {"document": {"format": "txt", "name": "note", "source": source}}
        return {"messages": [_turn("user", last, file)]}
    turns = [
        turn
        for text in _earlier(case)
        for turn in (_turn("user", _text_block(text)), _turn("assistant", _text_block(NOTED)))
    ]
    return {"messages": [*turns, _turn("user", last)]}


def characters(case: Case, suite: Suite) -> int:
    """How long the texts of the request are, all of which a guardrail may check."""
    return len(_question(case, suite)) + sum(len(text) for text in _before(case))


def _question(case: Case, suite: Suite) -> str:
    """What the user asks last."""
    if case.place in ("user", "split"):
        return suite.template.replace("{text}", case.texts[-1])
    return case.ask or suite.neutral


def _earlier(case: Case) -> tuple[str, ...]:
    """What the user said in earlier turns."""
    return case.texts if case.place == "history" else case.texts[:-1]


def _before(case: Case) -> tuple[str, ...]:
    return case.texts[:-1] if case.place in ("user", "split") else case.texts


def _user(text: str) -> Message:
    return {"role": "user", "content": text}


def _assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def _system(text: str) -> Message:
    return {"role": "system", "content": text}


_TOOL = {
    "type": "function",
    "function": {"name": TOOL, "description": _SAID, "parameters": _SCHEMA},
}


def _tool_messages(text: str) -> list[Message]:
    function = {"name": TOOL, "arguments": '{"query": "it"}'}
    call = {"id": _CALL, "type": "function", "function": function}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": _CALL, "content": text},
    ]


def _text_block(text: str) -> dict[str, Any]:
    return {"text": text}


def _turn(role: str, *content: dict[str, Any]) -> Message:
    return {"role": role, "content": list(content)}
