"""A Converse conversation in the form of Anthropic's messages API, as LiteLLM's token counter takes it."""

from __future__ import annotations

from typing import Any

from middleware.bedrock.errors import ValidationException
from middleware.json_object import encoded

Block = dict[str, Any]


def messages_body(converse: dict[str, Any]) -> dict[str, Any]:
    """`messages`, `system` and `tools` of a Converse request."""
    body: dict[str, Any] = {
        "messages": [
            {"role": message["role"], "content": [_block(block) for block in message["content"]]}
            for message in converse.get("messages") or ()
            if message["content"]
        ]
    }
    system = [
        {"type": "text", "text": block["text"]}
        for block in converse.get("system") or ()
        if "text" in block
    ]
    if system:
        body["system"] = system
    tools = [
        {
            "name": tool["toolSpec"]["name"],
            "description": tool["toolSpec"].get("description", ""),
            "input_schema": tool["toolSpec"]["inputSchema"].get("json") or {},
        }
        for tool in (converse.get("toolConfig") or {}).get("tools") or ()
        if "toolSpec" in tool
    ]
    if tools:
        body["tools"] = tools
    return body


def _block(block: Block) -> Block:
    (kind, value), *_ = block.items()
    match kind:
        case "text":
            return {"type": "text", "text": value}
        case "image":
            source = {
                "type": "base64",
                "media_type": f"image/{value['format']}",
                "data": _bytes(value),
            }
            return {"type": "image", "source": source}
        case "document" if value.get("format") == "pdf":
            source = {"type": "base64", "media_type": "application/pdf", "data": _bytes(value)}
            return {"type": "document", "source": source}
        case "toolUse":
            return {
                "type": "tool_use",
                "id": value["toolUseId"],
                "name": value["name"],
                "input": value["input"],
            }
        case "toolResult":
            content = [_result(part) for part in value["content"]]
            return {"type": "tool_result", "tool_use_id": value["toolUseId"], "content": content}
    raise ValidationException(f"The tokens of a {kind} block cannot be counted.")


def _result(part: Block) -> Block:
    if "json" in part:
        return {"type": "text", "text": encoded(part["json"], ValidationException).decode()}
    return _block(part)


def _bytes(value: Block) -> str:
    data: str | None = value["source"].get("bytes")
    if data is None:
        raise ValidationException("Objects in S3 cannot be read by this gateway; send the bytes.")
    return data
