"""Files inside messages: data URLs, and the text of documents that are text."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote_to_bytes

_TEXTUAL = frozenset(("text/csv", "text/html", "text/plain", "text/markdown"))
_TEXTUAL_ENDINGS = frozenset(("csv", "html", "txt", "md"))


def data_url(url: Any) -> tuple[str, str] | None:
    """Media type and base64 text of a data URL; None where it is none."""
    if not isinstance(url, str) or not url.startswith("data:"):
        return None
    head, comma, data = url[5:].partition(",")
    if not comma:
        return None
    kind, *parameters = head.split(";")
    if "base64" not in parameters:
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    return kind.strip().lower() or "text/plain", data


def document_text(file: dict[str, Any]) -> str | None:
    """What the `file` of a part says, under its name; None where its format is not one of text.

    Raises:
        ValueError: it is not UTF-8 text.
    """
    found = data_url(file.get("file_data"))
    if found is None or found[0] not in _TEXTUAL:
        return None
    return f"Document {document_name(file)}:\n\n{base64.b64decode(found[1]).decode()}"


def document_name(file: dict[str, Any]) -> str:
    """The name of a `file`, of a text without the ending."""
    name = str(file.get("filename") or "document")
    stem, _, ending = name.rpartition(".")
    return stem if stem and ending in _TEXTUAL_ENDINGS else name
