"""Images, documents, video and audio of Converse as content parts of a chat completion, and back.

Bytes stay base64 text from end to end. What a chat completion cannot carry (objects in S3, citations) is
refused, never left out.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from middleware.bedrock.errors import ValidationException
from middleware.catalogue import Route

Part = dict[str, Any]
Block = dict[str, Any]
_IMAGES = frozenset(("png", "jpeg", "gif", "webp"))
_DOCUMENTS = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "txt": "text/plain",
    "md": "text/markdown",
}
_VIDEOS = {
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "flv": "video/x-flv",
    "mpeg": "video/mpeg",
    "mpg": "video/mpg",
    "wmv": "video/wmv",
    "three_gp": "video/3gpp",
}
_SOUNDS = frozenset(("mp3", "wav"))
_AUDIO = (
    *("aac", "flac", "m4a", "mka", "mkv", "mp3", "mp4", "mpeg"),
    *("mpga", "ogg", "opus", "pcm", "wav", "webm", "x-aac"),
)
_KINDS = {
    **{f"image/{kind}": ("image", kind) for kind in _IMAGES},
    "image/jpg": ("image", "jpeg"),
    **{media_type: ("document", kind) for kind, media_type in _DOCUMENTS.items()},
    **{media_type: ("video", kind) for kind, media_type in _VIDEOS.items()},
    **{f"audio/{kind}": ("audio", kind) for kind in _AUDIO},
}
"""Block and format of each media type that Converse has."""
_NOT_OF_A_NAME = re.compile(r"[^a-zA-Z0-9\s()\[\]-]")


def image(block: dict[str, Any], path: str) -> Part:
    """An `image` block as an `image_url` part."""
    if "error" in block:
        raise ValidationException(f"{path}.error belongs to an answer, not to a request.")
    url = f"data:image/{block['format']};base64,{_bytes(block['source'], path)}"
    return {"type": "image_url", "image_url": {"url": url}}


def document(block: dict[str, Any], path: str) -> list[Part]:
    """A `document` block as parts: a file, or its text where it came as text."""
    if (block.get("citations") or {}).get("enabled"):
        raise ValidationException(
            f"{path}.citations cannot be honoured: a chat completion carries no citations."
        )
    source, name = block["source"], block["name"]
    kind = block.get("format") or "txt"
    before = [{"type": "text", "text": block["context"]}] if block.get("context") else []
    if "text" in source:
        return [*before, _as_text(name, source["text"])]
    if "content" in source:
        return [*before, _as_text(name, "\n\n".join(part["text"] for part in source["content"]))]
    data = _bytes(source, path)
    file = {"filename": f"{name}.{kind}", "file_data": f"data:{_DOCUMENTS[kind]};base64,{data}"}
    return [*before, {"type": "file", "file": file}]


def video(block: dict[str, Any], route: Route, path: str) -> Part:
    """A `video` block; only Bedrock's own models take it through LiteLLM."""
    if not route.bedrock_only:
        raise ValidationException(f"{path}: the provider of this model takes no video.")
    kind = _VIDEOS[block["format"]]
    url = f"data:{kind};base64,{_bytes(block['source'], path)}"
    return {"type": "image_url", "image_url": {"url": url}}


def audio(block: dict[str, Any], route: Route, path: str) -> Part:
    """An `audio` block as an `input_audio` part, which OpenAI defines for mp3 and wav."""
    if "error" in block:
        raise ValidationException(f"{path}.error belongs to an answer, not to a request.")
    if route.any_bedrock or block["format"] not in _SOUNDS:
        raise ValidationException(f"{path}: the provider of this model takes no such audio.")
    data = _bytes(block["source"], path)
    return {"type": "input_audio", "input_audio": {"data": data, "format": block["format"]}}


def search_result(block: dict[str, Any], path: str) -> Part:
    """A `searchResult` block as text that names its source."""
    if (block.get("citations") or {}).get("enabled"):
        raise ValidationException(
            f"{path}.citations cannot be honoured: a chat completion carries no citations."
        )
    text = "\n\n".join(part["text"] for part in block["content"])
    return {"type": "text", "text": f"{block['title']} ({block['source']})\n\n{text}"}


def block(media_type: str, data: str, filename: str = "") -> Block | None:
    """The block for base64 text of some media type; None where Converse has none for it.

    Args:
        media_type: for example "image/png"; of a file that has none, empty.
        data: base64 text.
        filename: what a document is named after; its ending counts where the media type says nothing.
    """
    data = "".join(data.split())
    stem, _, ending = filename.rpartition(".")
    ending = ending.lower()
    known = _KINDS.get(media_type) or (
        ("document", ending) if ending in _DOCUMENTS else _text_of_any_kind(media_type)
    )
    if known is None or not is_base64(data):
        return None
    name, kind = known
    made: Block = {"format": kind, "source": {"bytes": data}}
    if name == "document":
        made["name"] = document_name(stem if stem and ending == kind else filename)
    return {name: made}


def document_name(given: str) -> str:
    """A name of the characters that AWS takes, as like the given one as can be."""
    cleaned = " ".join(_NOT_OF_A_NAME.sub("-", given).split())
    return cleaned[:180].strip() or "document"


def is_base64(data: str) -> bool:
    """Whether it is the base64 text of some bytes, as AWS wants it."""
    try:
        return bool(base64.b64decode(data, validate=True))
    except ValueError:
        return False


def _text_of_any_kind(media_type: str) -> tuple[str, str] | None:
    return ("document", "txt") if media_type.startswith("text/") else None


def _as_text(name: str, text: str) -> Part:
    return {"type": "text", "text": f"Document {name}:\n\n{text}"}


def _bytes(source: dict[str, Any], path: str) -> str:
    if "bytes" not in source:
        raise ValidationException(
            f"{path}.source.s3Location cannot be read by this gateway; send the bytes."
        )
    data: str = source["bytes"]
    return data
