"""Whose a row of LiteLLM's is: the user's or the key's that its endpoints tell of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from middleware.budgets.limits import key, user
from middleware.budgets.wish import FIELD

Body = dict[str, Any]
_HASH = re.compile(r"[0-9a-f]{64}")


def rows(decoded: Any, key_hash: Any = None) -> Iterator[tuple[str, Body]]:
    """The rows of users and keys in an answer, with whose they are."""
    if isinstance(decoded, list):
        for each in decoded:
            yield from rows(each)
    if not isinstance(decoded, dict):
        return
    for name, inner in decoded.items():
        if name in ("user_info", "data", "users", "keys"):
            yield from rows(inner)
        elif name == "info" and isinstance(inner, dict):
            yield from rows(inner, decoded.get("key"))
    if FIELD in decoded or key_hash:
        token = key_hash or decoded.get("token") or decoded.get("key") or decoded.get("token_id")
        is_new_user = "user_role" in decoded and "key" in decoded
        if isinstance(token, str) and not is_new_user:
            yield key(hashed(token)), decoded
        elif isinstance(decoded.get("user_id"), str):
            yield user(decoded["user_id"]), decoded


def owner_of(path: str, body: Body, answer: Body) -> str | None:
    """Whose the budgets are that a request sets; None where LiteLLM's answer does not say.

    Args:
        path: the request's.
        body: its own.
        answer: LiteLLM's.
    """
    if path == "/user/update":
        return user(str(body["user_id"]))
    if path.startswith("/user/"):
        user_id = answer.get("user_id")
        return user(user_id) if isinstance(user_id, str) else None
    token = body.get("key") if path == "/key/update" else answer.get("key")
    return key(hashed(token)) if isinstance(token, str) else None


def hashed(token: str) -> str:
    """The hash of a key, which may be given as that already."""
    return token if _HASH.fullmatch(token) else hashlib.sha256(token.encode()).hexdigest()
