"""A kept conversation in OpenAI's form, which is nearly the one it is stored in."""

from __future__ import annotations

from typing import Any

Message = dict[str, Any]


def openai_history(messages: list[Message]) -> list[Message]:
    """The messages, without the part type that only LiteLLM knows, for text that a guardrail is to check."""
    return [_message(message) for message in messages]


def _message(message: Message) -> Message:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    return {**message, "content": [_part(part) for part in content]}


def _part(part: Any) -> Any:
    guarded = isinstance(part, dict) and part.get("type") == "guarded_text"
    return {**part, "type": "text"} if guarded else part
