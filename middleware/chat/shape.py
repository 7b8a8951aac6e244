"""Messages as they are kept, in the form in which a model's provider takes them.

They are kept in the richest form: a chat completion's messages as LiteLLM takes them for Bedrock. Not every
provider takes all of that, and the one that is asked may be another than the one before.
"""

from __future__ import annotations

from typing import Any

from middleware.catalogue import Route
from middleware.chat.files import document_name, document_text
from middleware.errors import InvalidRequest

Message = dict[str, Any]
Part = dict[str, Any]
_OF_A_USER = frozenset(("image_url", "video_url", "file", "input_audio"))
ATTACHED = "(attached to the next message)"

# LiteLLM leaves out audio in silence for these two, and has a place for video with those three.
_WITHOUT_AUDIO = frozenset(("anthropic", "bedrock"))
_WITH_VIDEO = frozenset(("bedrock", "gemini", "vertex_ai"))
# LiteLLM sends `thinking_blocks` on to most OpenAI-compatible providers, whose messages have no such field,
# and the strict ones refuse it. Signed thoughts mean something to these alone.
_WITH_THOUGHTS = frozenset(("anthropic", "azure_ai", "bedrock", "snowflake", "vertex_ai"))
# So it does with `reasoning_content`, which some refuse, while DeepSeek and Moonshot insist on theirs.
_WITHOUT_REASONING = frozenset(("azure", "cerebras", "groq", "openai"))
# What an assistant made beside words is no part of a request anywhere, except by the words for it.
_MADE = ("images", "audio")


class UnsupportedContent(InvalidRequest):
    """The conversation holds what the provider of this model does not take."""

    code = "unsupported_content"


def is_plain(messages: list[Message]) -> bool:
    """Whether every provider takes these messages as they are."""
    for message in messages:
        content = message.get("content")
        if content is not None and type(content) is not str:
            return False
        if "thinking_blocks" in message or "reasoning_content" in message or message.get("refusal"):
            return False
        if message.get("images") or message.get("audio"):
            return False
    return True


def for_provider(messages: list[Message], route: Route, *, replayed: bool = True) -> list[Message]:
    """The messages in the form that the providers of `route` take; the given ones are left as they are.

    Args:
        messages: in the form in which they are kept.
        route: where the call may end up.
        replayed: they are of earlier turns, and thoughts in them that the provider does not know are left
            out. What a caller sends now is never left out; the provider says what it thinks of it.

    Raises:
        UnsupportedContent: there is something in them that has no form which the provider takes.
    """
    if is_plain(messages):
        return messages
    left_out = _left_out(route) if replayed else ()
    if not route.bedrock_only:
        messages = _with_attachments_moved(messages)
    return [_adapted(message, route, left_out) for message in messages]


def plain(parts: list[Any]) -> Any:
    """A single plain text as a string, which every provider takes; else the parts."""
    if len(parts) == 1:
        part = parts[0]
        if type(part) is dict and len(part) == 2 and part.get("type") == "text":
            return part["text"]
    return parts


def _left_out(route: Route) -> tuple[str, ...]:
    names = [*_MADE]
    if route.providers and route.providers.isdisjoint(_WITH_THOUGHTS):
        names.append("thinking_blocks")
    if not route.providers.isdisjoint(_WITHOUT_REASONING):
        names.append("reasoning_content")
    return tuple(names)


def _adapted(given: Message, route: Route, left_out: tuple[str, ...]) -> Message:
    message = {name: value for name, value in given.items() if name not in left_out}
    content = message.get("content")
    if isinstance(content, list):
        content = message["content"] = plain([_part(part, route) for part in content])
    if not content and "audio" in left_out and isinstance(spoken := given.get("audio"), dict):
        content = message["content"] = spoken.get("transcript") or ""
    if not content and message.get("refusal"):
        # for Bedrock and others LiteLLM reads the content alone, and leaves out a message without one
        message["content"] = message.pop("refusal")
    elif content is None and len(message) < len(given) and not message.get("tool_calls"):
        # it was a thought alone, and providers take no message without anything
        message["content"] = ""
    return message


def _part(part: Any, route: Route) -> Any:
    medium = _medium(part)
    if medium == "audio" and not route.providers.isdisjoint(_WITHOUT_AUDIO):
        raise UnsupportedContent(_HOLDS.format("audio"))
    if medium == "video" and not (route.providers and route.providers <= _WITH_VIDEO):
        raise UnsupportedContent(_HOLDS.format("video"))
    match part:
        case {"type": "refusal", "refusal": said}:
            return {"type": "text", "text": said}
        case {"type": "guarded_text"} if not route.bedrock_only:
            return {**part, "type": "text"}
        case {"type": "file", "file": dict(file)} if not route.bedrock_only:
            return _file(part, file)
    return part


def _medium(part: Any) -> str:
    """What kind of data is in a part: "image", "video" and the like; empty for text and unknown data."""
    match part:
        case {"type": "input_audio"}:
            return "audio"
        case {"image_url": str(url) | {"url": str(url)}} | {
            "video_url": str(url) | {"url": str(url)}
        }:
            pass
        case {"file": {"file_data": str(url)}}:
            pass
        case _:
            return ""
    return url[5:16].partition("/")[0].lower() if url[:5] == "data:" else ""


def _file(part: Part, file: Part) -> Part:
    try:
        text = document_text(file)
    except ValueError:
        raise UnsupportedContent(
            f"The document {document_name(file)!r} is not UTF-8 text, which this model's provider needs."
        ) from None
    if text is None:
        return part
    rest = {name: value for name, value in part.items() if name != "file"}
    return {**rest, "type": "text", "text": text}


def _with_attachments_moved(messages: list[Message]) -> list[Message]:
    """With what tools returned beside text in the user's message that follows."""
    result: list[Message] = []
    moved: list[Part] = []
    for message in messages:
        content = message.get("content")
        if message.get("role") == "tool":
            if isinstance(content, list):
                message = {**message, "content": _without_attachments(message, content, moved)}
        elif moved:
            if message.get("role") == "user":
                own = content if isinstance(content, list) else [{"type": "text", "text": content}]
                message = {**message, "content": [*moved, *own] if content else moved}
            else:
                result.append({"role": "user", "content": moved})
            moved = []
        result.append(message)
    return [*result, {"role": "user", "content": moved}] if moved else result


def _without_attachments(message: Message, content: list[Any], moved: list[Part]) -> Any:
    inside: list[Any] = []
    attached: list[Part] = []
    for part in content:
        is_attached = isinstance(part, dict) and part.get("type") in _OF_A_USER
        (attached if is_attached else inside).append(part)
    if not attached:
        return content
    label = f"From the result of the tool call {message.get('tool_call_id')}:"
    moved += [{"type": "text", "text": label}, *attached]
    return plain([*inside, {"type": "text", "text": ATTACHED}])


_HOLDS = (
    "The conversation holds {}, which the provider of this model does not take. "
    "Go on with another model, or begin a new conversation."
)
