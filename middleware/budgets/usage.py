"""How much a call may use at most, before its prices are looked at.

Text is counted in bytes: every tokenizer in use makes at most one token of a byte. An image has the most
tokens that any provider documents for one. What a call only refers to, and documents, sound and film, may be
of any size, which only the model's own limit bounds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

OVERHEAD = 64
"""Tokens that a provider puts around a conversation."""
TOOLS = 2048
"""Tokens of the prompt by which a provider explains tools to a model; Anthropic documents up to 700."""
IMAGE = 48_169
"""Tokens of one image: gpt-4o-mini's, the most that any provider documents."""

# what a body needs for anything in it to be more than text
_MEDIA = re.compile(
    rb'"(?:data:|https?:|image|file|input_audio|input_image|input_file|document|video|audio|source|'
    rb"inline_?data|file_?data|file_?uri|s3Location|previous_response_id|conversation|prompt_id|"
    rb"cached_?content)",
    re.I,
)
_REFERENCES = frozenset(
    (
        "file_id",
        "filedata",
        "file_uri",
        "fileuri",
        "s3location",
        "input_audio",
        "video",
        "document",
        "audio",
        "cached_content",
        "cachedcontent",
    )
)
_ADDRESSES = frozenset(("url", "image_url", "file_url", "video_url", "audio_url", "uri"))


@dataclass(frozen=True, slots=True)
class Usage:
    """An upper bound of what one call reads and writes."""

    input_tokens: int = 0
    inputs: int = 1
    """Texts that are read on their own, each within the model's limit."""
    output_tokens: int | None = None
    """Of one answer; None where only the model's own limit says."""
    answers: int = 1
    predicted_tokens: int = 0
    writes: bool = True
    has_media: bool = False
    is_opaque: bool = False
    """Whether part of what is read may be of any size."""
    units: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Read:
    """What is in a body."""

    text: int = 0
    images: int = 0
    is_opaque: bool = False

    @property
    def tokens(self) -> int:
        return self.text + self.images * IMAGE + OVERHEAD

    @property
    def has_media(self) -> bool:
        return bool(self.images) or self.is_opaque


def read(body: Any, encoded: bytes | None = None) -> Read:
    """Count what is in a decoded JSON body."""
    data = orjson.dumps(body) if encoded is None else encoded
    found = Read()
    if _MEDIA.search(data) is None:
        found.text = len(data)
    else:
        _walk(orjson.loads(data), found)
    return found


def _walk(value: Any, found: Read, name: str = "") -> None:
    match value:
        case str():
            _string(value, found, name)
        case dict():
            for key, inner in value.items():
                _member(key, inner, found, value)
        case list():
            found.text += 2
            for inner in value:
                _walk(inner, found, name)
        case _:
            found.text += 24


def _member(key: str, value: Any, found: Read, owner: dict[str, Any]) -> None:
    found.text += len(key.encode()) + 6
    lowered = key.lower()
    if lowered in _REFERENCES and value not in (None, "") and not isinstance(value, bool):
        found.is_opaque = True
    elif lowered in ("inlinedata", "inline_data") and isinstance(value, dict):
        _media(str(value.get("mimeType") or value.get("mime_type")), found)
    elif lowered == "source" and isinstance(value, dict) and owner.get("type") != "text":
        kind = value.get("media_type") or value.get("type") or f"image/{owner.get('format')}"
        inline = value.get("data") or value.get("bytes")
        _media(str(kind) if inline else "", found)
        found.text += len(str(value.get("data") or "")) if kind in ("text", "text/plain") else 0
    else:
        _walk(value, found, lowered)


def _string(value: str, found: Read, name: str) -> None:
    if value.startswith("data:"):
        kind = value[5:100].partition(",")[0].partition(";")[0]
        if kind.lower().startswith("text/"):
            found.text += len(value)
        else:
            _media(kind, found)
    elif name in _ADDRESSES and value:
        found.is_opaque = True  # whatever is there, LiteLLM fetches it
    else:
        found.text += len(value.encode("utf-8", "surrogatepass")) + 2


def _media(kind: str, found: Read) -> None:
    if kind.lower().startswith("image/"):
        found.images += 1
    elif not kind.lower().startswith("text"):
        found.is_opaque = True
