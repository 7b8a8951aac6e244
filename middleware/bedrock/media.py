"""Images, documents, video and audio of Converse as content parts of a chat completion.

Bytes stay base64 text from end to end. What a chat completion cannot carry (objects in S3, citations) is
refused, never left out.
"""

from __future__ import annotations

import base64
from typing import Any

from middleware.bedrock.catalogue import Route
from middleware.bedrock.errors import ValidationException

Part = dict[str, Any]
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
_TEXTUAL = frozenset(("csv", "html", "txt", "md"))
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


def image(block: dict[str, Any], path: str) -> Part:
    """An `image` block as an `image_url` part."""
    if "error" in block:
        raise ValidationException(f"{path}.error belongs to an answer, not to a request.")
    url = f"data:image/{block['format']};base64,{_bytes(block['source'], path)}"
    return {"type": "image_url", "image_url": {"url": url}}


def document(block: dict[str, Any], route: Route, path: str) -> list[Part]:
    """A `document` block as parts: a file, or its text where the provider takes only PDF files."""
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
    if kind in _TEXTUAL and not route.bedrock_only:
        try:
            return [*before, _as_text(name, base64.b64decode(data).decode())]
        except UnicodeDecodeError:
            raise ValidationException(f"{path} is not UTF-8 text.") from None
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


def _as_text(name: str, text: str) -> Part:
    return {"type": "text", "text": f"Document {name}:\n\n{text}"}


def _bytes(source: dict[str, Any], path: str) -> str:
    if "bytes" not in source:
        raise ValidationException(
            f"{path}.source.s3Location cannot be read by this gateway; send the bytes."
        )
    data: str = source["bytes"]
    return data
