"""Guardrails and forms: LiteLLM reads a call from a form too, where a name is a text and guards nothing."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import orjson
from starlette.types import Scope

from middleware.caller import MAX_BODY
from middleware.errors import InvalidRequest
from middleware.guardrails.errors import GuardrailsMalformed
from middleware.guardrails.wish import Wish, are_mentioned

_FORM, _URLENCODED = b"form", b"urlencoded"
_NAMED = re.compile(rb'name="?[^"\r\n]*guardrail', re.I)


def content_type(scope: Scope) -> bytes:
    """What the headers say the body is, in small letters; of several headers all."""
    return b",".join([value for name, value in scope["headers"] if name == b"content-type"]).lower()


def is_form(scope: Scope) -> bool:
    """Whether the body is a form, with files or without."""
    return _FORM in content_type(scope)


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
    """Refuse a form that says something of guardrails. Raises `GuardrailsMalformed`."""
    if _URLENCODED in content_type(scope):
        # python-multipart, with which LiteLLM reads it, takes either for the end of a field
        both = (body.replace(b";", b"&"), body)
        named = any(_says_something(each) for each in both)
    else:
        named = are_mentioned(body) and _NAMED.search(body) is not None
    if named:
        raise GuardrailsMalformed("Guardrails cannot be named in a form.")


def _says_something(body: bytes) -> bool:
    fields = parse_qsl(body.decode("latin-1"), keep_blank_values=True)
    return any("guardrail" in name.lower() for name, _ in fields) or any(
        Wish.of({name: value}).steering for name, value in fields
    )
