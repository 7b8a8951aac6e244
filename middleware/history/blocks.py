"""A part of a chat completion's message as a block of Converse, or as a text that tells of it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import orjson

from middleware.bedrock import media
from middleware.bedrock.response import tool_input
from middleware.chat.files import data_url, document_text

Block = dict[str, Any]
_NOT_OF_A_TOOL_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_URLS = ("data:", "http:", "https:", "gs:", "s3:")
_AROUND_AN_INPUT = 8
"""Levels of JSON around a tool's input, in a history."""


def block(part: Any) -> Block | None:
    """The block that says the same; None where Converse has none."""
    match part:
        case str(text) | {"type": "text", "text": str(text)}:
            return {"text": text}
        case {"type": "guarded_text", "text": str(text)}:
            return {"guardContent": {"text": {"text": text}}}
        case {"type": "thinking" | "redacted_thinking"}:
            thought = _thought(part)
            return {"reasoningContent": thought} if thought else None
        case {"image_url": {"url": url} | url} | {"video_url": {"url": url} | url}:
            return media.block(*found) if (found := data_url(url)) else None
        case {"type": "file", "file": {"file_data": str(data)} as file}:
            media_type, data = data_url(data) or (str(file.get("format") or ""), data)
            return media.block(media_type, data, str(file.get("filename") or ""))
        case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(kind)}}:
            return media.block(f"audio/{kind}", data)
    return None


def told(part: Any) -> str:
    """What a part says, or is, in words; blank where it is nothing."""
    match part:
        case str(text) | {"text": str(text)} | {"refusal": str(text)} | {"thinking": str(text)}:
            return text
        case {"type": "redacted_thinking"}:
            return "(a thought that cannot be read)"
        case {"image_url": {"url": str(url)} | str(url)}:
            return f"(an image: {_where(url)})"
        case {"video_url": {"url": str(url)} | str(url)}:
            return f"(a video: {_where(url)})"
        case {"file": dict(file)}:
            return _file(file)
        case {"input_audio": {"format": kind}}:
            return f"(audio in the format {kind})"
    return orjson.dumps(part).decode()


def parts(message: dict[str, Any]) -> Iterator[Any]:
    """All that is said in a message, calls and thoughts aside."""
    yield from listed(message.get("content"))
    for name in ("refusal", "images"):
        yield from listed(message.get(name))
    if isinstance(audio := message.get("audio"), dict):
        yield str(audio.get("transcript") or "(audio)")


def listed(given: Any) -> list[Any]:
    """A list that may be absent, or be its one item."""
    if given is None:
        return []
    return given if isinstance(given, list) else [given]


def is_blank(made: Block) -> bool:
    """Whether a block is a text that says nothing, which AWS does not take."""
    match made:
        case {"text": text} | {"guardContent": {"text": {"text": text}}}:
            return not text.strip()
    return False


def cache_point(marked: Any) -> list[Block]:
    """The block that follows what has a `cache_control`."""
    mark = marked.get("cache_control") if isinstance(marked, dict) else None
    if not mark:
        return []
    ttl = mark.get("ttl") if isinstance(mark, dict) else None
    return [{"cachePoint": {"type": "default", **({"ttl": ttl} if ttl in ("5m", "1h") else {})}}]


def tool_name(given: Any) -> str:
    """The name of a tool in the form that AWS takes."""
    return _NOT_OF_A_TOOL_NAME.sub("_", str(given or "unnamed"))[:64]


def tool_arguments(given: Any) -> dict[str, Any]:
    """The arguments of a call as Converse's input, which is an object; what is none is inside one."""
    if isinstance(given, dict):
        return given
    if (value := tool_input(given)) is None:
        return {"arguments": given}
    nested: Any = value
    for _ in range(_AROUND_AN_INPUT):
        nested = [nested]
    try:
        orjson.dumps(nested)
    except orjson.JSONEncodeError:  # it can be read and not written, which has a limit of levels
        return {"arguments": given}
    return value


def _thought(part: dict[str, Any]) -> Block | None:
    if part["type"] == "redacted_thinking":
        data = str(part.get("data") or "")
        return (
            {"redactedContent": data if media.is_base64(data) else _encoded(data)} if data else None
        )
    text, signature = str(part.get("thinking") or ""), part.get("signature")
    if signature:
        return {"reasoningText": {"text": text, "signature": str(signature)}}
    return {"reasoningText": {"text": text}} if text.strip() else None


def _where(url: str) -> str:
    return url[5:].partition(",")[0].partition(";")[0] if url.startswith("data:") else url


def _file(file: dict[str, Any]) -> str:
    try:
        if text := document_text(file):
            return text
    except ValueError:
        pass
    data = file.get("file_data")
    where = _where(data) if isinstance(data, str) and data.startswith(_URLS) else None
    named = (file.get("filename"), file.get("file_id"), where)
    return f"(a file: {', '.join(str(name) for name in named if name) or 'without a name'})"


def _encoded(data: str) -> str:
    return base64.b64encode(data.encode()).decode()
