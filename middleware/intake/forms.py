"""The texts of a form; its files are their provider's to read."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Scope

from middleware.errors import InvalidRequest
from middleware.guardrails.forms import content_type


async def fields_of(scope: Scope, body: bytes) -> list[dict[str, Any]]:
    """Each text of a form by its name; one that is JSON as what it says.

    Raises:
        InvalidRequest: it cannot be read as a form.
    """
    if b"urlencoded" in content_type(scope):
        pairs: list[tuple[str, Any]] = list(
            parse_qsl(body.decode("latin-1"), keep_blank_values=True)
        )
    else:
        pairs = await _multipart(scope, body)
    return [{_last(name): _decoded(value)} for name, value in pairs if isinstance(value, str)]


async def _multipart(scope: Scope, body: bytes) -> list[tuple[str, Any]]:
    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        # with what LiteLLM reads it with
        form = await MultiPartParser(Headers(scope=scope), whole()).parse()
    except (MultiPartException, KeyError, ValueError):
        raise InvalidRequest("The form of this call cannot be read.") from None
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
