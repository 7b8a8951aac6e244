"""The texts of a form; its files are their provider's to read."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.datastructures import Headers, UploadFile
from starlette.types import Scope

from middleware.guardrails.forms import content_type, is_urlencoded, pairs_of
from middleware.multipart import form_of


def may_be_form(scope: Scope) -> bool:
    """Whether anybody may read the body as a form: LiteLLM reads its type in more than one way."""
    kind = content_type(scope)
    return b"form-data" in kind or b"urlencoded" in kind


def hides_signs(scope: Scope) -> bool:
    """Whether an address in the body need not look like one: it is escaped, or in another encoding."""
    kind = content_type(scope)
    return b"urlencoded" in kind or (b"form-data" in kind and b"charset" in kind)


async def fields_of(scope: Scope, body: bytes) -> list[dict[str, Any]]:
    """Each text of a form by its name; one that is JSON as what it says.

    Raises:
        InvalidRequest, RequestTooLarge: it cannot be read as a form, or is more than is read of one.
    """
    is_multipart = b"form-data" in content_type(scope) and not is_urlencoded(scope)
    pairs = await _multipart(scope, body) if is_multipart else pairs_of(body)
    return [{_last(name): _decoded(value)} for name, value in pairs]


async def _multipart(scope: Scope, body: bytes) -> list[tuple[str, str]]:
    form = await form_of(Headers(scope=scope), body)
    pairs = [
        (name, value) for name, value in form.multi_items() if not isinstance(value, UploadFile)
    ]
    await form.close()
    return pairs


def _last(name: str) -> str:
    """`metadata[api_base]` names what is in a member."""
    return name.removesuffix("[]").rpartition("[")[2].rstrip("]")


def _decoded(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
