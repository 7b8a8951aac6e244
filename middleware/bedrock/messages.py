"""The conversation: Converse's system blocks and messages as the messages of a chat completion.

They come out in the form in which messages are kept, whatever provider is asked; `chat.shape` makes of it
what one takes. The route decides only what is refused because no provider behind it has a form for it.

Two shapes differ. Converse puts tool results into the user's turn, chat completions give each a message
of its own, and these come first. And a cache point stands after what is to be cached, where chat
completions mark the part itself.
"""

from __future__ import annotations

from typing import Any

from middleware.bedrock import media
from middleware.bedrock.errors import ValidationException
from middleware.catalogue import Route
from middleware.chat.shape import plain
from middleware.json_object import encoded

Message = dict[str, Any]
Part = dict[str, Any]
FAILED = "The tool failed:"
"""What precedes the content of a tool result with status `error`; chat completions have no such status."""


def system_message(blocks: list[dict[str, Any]], route: Route) -> list[Message]:
    """The system blocks as one system message with a part for each; none for none."""
    parts: list[Part] = []
    for index, block in enumerate(blocks):
        _append(parts, block, route, f"system.{index}")
    return [{"role": "system", "content": plain(parts)}] if parts else []


def chat_messages(messages: list[dict[str, Any]], route: Route) -> list[Message]:
    """The turns of a conversation."""
    result: list[Message] = []
    for index, message in enumerate(messages):
        path = f"messages.{index}"
        if not message["content"]:
            raise ValidationException(
                f"The content field in the Message object at {path} is empty. "
                "Add a ContentBlock object to the content field and try again."
            )
        if message["role"] == "assistant":
            result.append(_assistant(message["content"], route, path))
        else:
            result += _user(message["role"], message["content"], route, path)
    return result


def cache_control(point: dict[str, Any]) -> dict[str, Any]:
    """A cache point as the mark that LiteLLM takes for every provider."""
    return {"type": "ephemeral", **({"ttl": point["ttl"]} if "ttl" in point else {})}


def _user(role: str, blocks: list[dict[str, Any]], route: Route, path: str) -> list[Message]:
    results: list[Message] = []
    parts: list[Part] = []
    last_is_result = False
    for index, block in enumerate(blocks):
        where = f"{path}.content.{index}"
        if "toolResult" in block:
            results.append(_tool_result(block["toolResult"], route, f"{where}.toolResult"))
            last_is_result = True
        elif "cachePoint" in block and last_is_result:
            results[-1]["cache_control"] = cache_control(block["cachePoint"])
        else:
            _append(parts, block, route, where)
            last_is_result = False
    return results + ([{"role": role, "content": plain(parts)}] if parts else [])


def _assistant(blocks: list[dict[str, Any]], route: Route, path: str) -> Message:
    parts: list[Part] = []
    thoughts: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for index, block in enumerate(blocks):
        where = f"{path}.content.{index}"
        if "toolUse" in block:
            calls.append(_tool_call(block["toolUse"], f"{where}.toolUse"))
        elif "reasoningContent" in block:
            thoughts.append(_thought(block["reasoningContent"]))
        elif "cachePoint" in block and calls:
            calls[-1]["cache_control"] = cache_control(block["cachePoint"])
        else:
            _append(parts, block, route, where)
    message: Message = {"role": "assistant", "content": plain(parts) if parts else None}
    if calls:
        message["tool_calls"] = calls
    if thoughts:
        message["thinking_blocks"] = thoughts
    return message


def _append(parts: list[Part], block: dict[str, Any], route: Route, path: str) -> None:
    """Add a block that any role may have."""
    ((kind, value),) = block.items()
    where = f"{path}.{kind}"
    match kind:
        case "text":
            if not value.strip():
                raise ValidationException(
                    f"The text field in the ContentBlock object at {path} is blank. "
                    "Add text to the text field, and try again."
                )
            parts.append({"type": "text", "text": value})
        case "image":
            parts.append(media.image(value, where))
        case "document":
            parts += media.document(value, where)
        case "video":
            parts.append(media.video(value, route, where))
        case "audio":
            parts.append(media.audio(value, route, where))
        case "searchResult":
            parts.append(media.search_result(value, where))
        case "guardContent":
            parts.append(_guarded(value, where))
        case "cachePoint":
            if not parts:
                raise ValidationException(f"{where} has nothing before it that could be cached.")
            parts[-1]["cache_control"] = cache_control(value)
        case _:
            raise ValidationException(
                f"{where} cannot be honoured: a chat completion has no such content."
            )


def _guarded(block: dict[str, Any], path: str) -> Part:
    if "image" in block:
        return media.image(block["image"], f"{path}.image")
    text = block["text"]
    if set(text.get("qualifiers") or ()) - {"guard_content"}:
        raise ValidationException(
            f"{path}.text.qualifiers cannot be honoured: a chat completion has no grounding sources."
        )
    return {"type": "guarded_text", "text": text["text"]}


def _tool_call(use: dict[str, Any], path: str) -> dict[str, Any]:
    if use.get("type"):
        raise ValidationException(f"{path}.type: tools that the provider runs are not served here.")
    if not isinstance(use["input"], dict):
        raise ValidationException(
            f"The format of the value at {path}.input is invalid. Provide a json object for the field "
            "and try again."
        )
    arguments = encoded(use["input"], ValidationException).decode()
    return {
        "id": use["toolUseId"],
        "type": "function",
        "function": {"name": use["name"], "arguments": arguments},
    }


def _tool_result(result: dict[str, Any], route: Route, path: str) -> Message:
    if result.get("type"):
        raise ValidationException(f"{path}.type: tools that the provider runs are not served here.")
    inside: list[Part] = []
    if result.get("status") == "error":
        inside.append({"type": "text", "text": FAILED})
    for index, block in enumerate(result["content"]):
        where = f"{path}.content.{index}"
        if "text" in block:
            inside.append({"type": "text", "text": block["text"]})
        elif "json" in block:
            inside.append(
                {"type": "text", "text": encoded(block["json"], ValidationException).decode()}
            )
        else:
            _append(inside, block, route, where)
    content: Any = plain(inside) if inside else ""
    return {"role": "tool", "tool_call_id": result["toolUseId"], "content": content}


def _thought(block: dict[str, Any]) -> dict[str, Any]:
    if "redactedContent" in block:
        return {"type": "redacted_thinking", "data": block["redactedContent"]}
    text = block["reasoningText"]
    thought = {"type": "thinking", "thinking": text["text"]}
    return {**thought, "signature": text["signature"]} if "signature" in text else thought
