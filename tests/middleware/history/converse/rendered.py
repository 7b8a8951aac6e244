"""What becomes of messages as a conversation of Converse, and whether AWS takes it."""

from __future__ import annotations

import copy
import re
from typing import Any

import orjson

from middleware.bedrock import schema
from middleware.history.converse import converse_history

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
