"""Guardrails and forms: LiteLLM reads a call from a form too, where a name is a text and guards nothing."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

import orjson
from starlette.types import Scope

from middleware.caller import MAX_BODY
from middleware.errors import InvalidRequest, RequestTooLarge
from middleware.guardrails.errors import GuardrailsMalformed
from middleware.guardrails.wish import Wish, are_mentioned

_URLENCODED = "application/x-www-form-urlencoded"
_FORMS = frozenset((_URLENCODED, "multipart/form-data"))
_NAMED = re.compile(rb'name="?[^"\r\n]*guardrail', re.I)


MOST_ENCODED = 2**20
"""Bytes of a form without files that is read."""
MOST_FIELDS = 1000
"""Fields of it, as many as LiteLLM reads of one with files."""
_KNOWN = "middleware.content_type"


class _Kind(NamedTuple):
    """What the headers say the body is."""

    headers: list[tuple[bytes, bytes]]
    whole: bytes
    """In small letters; of several headers all."""
    media: str
    """The type alone, of the first header, as LiteLLM reads it."""


def _kind(scope: Scope) -> _Kind:
    # asked several times of each call; a scope with other headers is another's
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    known: _Kind | None = scope.get(_KNOWN)
    if known is None or known.headers is not headers:
        values = [value.lower() for name, value in headers if name == b"content-type"]
        media = values[0].decode("latin-1").partition(";")[0].strip() if values else ""
        known = scope[_KNOWN] = _Kind(headers, b",".join(values), media)
    return known


def content_type(scope: Scope) -> bytes:
    """What the headers say the body is, in small letters; of several headers all."""
    return _kind(scope).whole


def is_form(scope: Scope) -> bool:
    """Whether the body is a form, with files or without."""
    return _kind(scope).media in _FORMS


def is_urlencoded(scope: Scope) -> bool:
    """Whether the body is a form without files."""
    return _kind(scope).media == _URLENCODED


def pairs_of(body: bytes) -> list[tuple[str, str]]:
    """Names and values of a form without files, read in either way.

    Raises:
        RequestTooLarge, InvalidRequest: it is larger, or has more fields, than any call's.
    """
    if len(body) > MOST_ENCODED:
        raise RequestTooLarge(f"A form without files may have {MOST_ENCODED} bytes.")
    # python-multipart, with which LiteLLM reads it, takes either for the end of a field
    if body.count(b"&") + body.count(b";") >= MOST_FIELDS:
        raise InvalidRequest(
            f"A form may have {MOST_FIELDS} fields. JSON is sent with content-type: application/json."
        )
    ways = (body.replace(b";", b"&"), body) if b";" in body else (body,)
    return [
        pair for way in ways for pair in parse_qsl(way.decode("latin-1"), keep_blank_values=True)
    ]


def is_large(scope: Scope) -> bool:
    """Whether the body says that it is larger than the service reads; without a length it does not."""
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return not (length.isdigit() and int(length) <= MAX_BODY)


def refuse_form(scope: Scope, body: bytes) -> None:
    """Refuse a form where calls are JSON and LiteLLM applies the guardrails that they name.

    JSON that is only called a form, as curl does by itself, passes where it can be read as no form either
    that says something of guardrails.

    Raises:
        InvalidRequest: it is one; no client of these interfaces sends it.
        GuardrailsMalformed: it says something of guardrails.
    """
    if not is_form(scope):
        return
    try:
        is_json = isinstance(orjson.loads(body), dict)
    except orjson.JSONDecodeError:
        is_json = False
    if not is_json:
        raise InvalidRequest("This path takes JSON, not a form.")
    refuse_named(scope, body)


def refuse_named(scope: Scope, body: bytes) -> None:
    """Refuse a form that says something of guardrails.

    Raises:
        GuardrailsMalformed: it does.
        RequestTooLarge, InvalidRequest: it is more than is read of a form.
    """
    if is_urlencoded(scope):
        named = _says_something(body)
    else:
        named = are_mentioned(body) and _NAMED.search(body) is not None
    if named:
        raise GuardrailsMalformed("Guardrails cannot be named in a form.")


def _says_something(body: bytes) -> bool:
    fields = pairs_of(body)
    return any("guardrail" in name.lower() for name, _ in fields) or any(
        Wish.of({name: value}).steering for name, value in fields
    )
