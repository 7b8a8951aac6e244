"""The form of a token: what is refused before any signature is looked at.

It is taken apart strictly, since two readers of one lenient form may see two tokens.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import time
from typing import Any

from middleware.errors import Unauthenticated
from middleware.identity.jwks import ALGORITHMS

log = logging.getLogger("middleware")
LEEWAY_SECONDS = 30
MAX_SUBJECT = 255
_FORM = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# what would make the token choose its key, have extensions that nobody here knows, or wrap another one
_REFUSED_HEADERS = frozenset(
    ("crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc", "epk", "apu", "apv", "cty")
)
_TYPES = frozenset(("jwt", "at+jwt", "application/at+jwt"))
_ID_TOKEN_CLAIMS = frozenset(("nonce", "at_hash", "c_hash", "s_hash"))
_CLIENT_CLAIMS = ("cid", "client_id", "azp", "appid")
_SCOPE_CLAIMS = ("scp", "scope")
_LAST_MOMENT = 2**40


class TokenRefused(Unauthenticated):
    """The token is no access token of the issuer for this gateway, or not any more."""

    code = "invalid_token"
    standard = "The token is not a valid access token for this gateway, or it has expired."


def refused(reason: str) -> TokenRefused:
    """The refusal, once the log has its reason, which never has the token."""
    log.info("token refused: %s", reason)
    return TokenRefused()


def taken_apart(token: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims, not verified."""
    if _FORM.fullmatch(token) is None:
        raise refused("it is not three parts of base64url")
    header, payload, _ = token.split(b".")
    return _object(header), _object(payload)


def _object(part: bytes) -> dict[str, Any]:
    try:
        decoded = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
        found = json.loads(
            decoded.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number
        )
    except (ValueError, RecursionError):
        raise refused("a part is not one JSON object") from None
    if not isinstance(found, dict):
        raise refused("a part is not one JSON object")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member occurs twice")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def algorithm_of(header: dict[str, Any]) -> str:
    """The algorithm of a header that is as the issuer writes them. Raises `TokenRefused`."""
    if unwanted := _REFUSED_HEADERS & header.keys():
        raise refused(f"its header has {', '.join(sorted(unwanted))}")
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise refused("its alg is not one of the issuer's")
    if not isinstance(kid, str) or not kid:
        raise refused("it names no key")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise refused("its typ is not that of an access token")
    return algorithm


def check_form(claims: dict[str, Any]) -> None:
    """Refuse claims whose form alone is wrong; python-jose then checks what they say."""
    for name in ("exp", "iat", "nbf"):
        moment = claims.get(name, 0)
        if type(moment) not in (int, float) or not 0 <= moment < _LAST_MOMENT:
            raise refused(f"{name} is not a time")
    if claims.get("iat", 0) > time.time() + LEEWAY_SECONDS:
        raise refused("it was issued in the future")
    if not isinstance(claims.get("iss"), str):
        raise refused("iss is not a name")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _is_subject(subject):
        raise refused("sub is not a name")


def check_use(header: dict[str, Any], claims: dict[str, Any]) -> None:
    """Refuse what the issuer made for the client to read, or to renew tokens with.

    Okta's access tokens name the client and what it may do (`cid` and `scp`), its ID tokens do not; other
    issuers call these claims otherwise, or say what the token is in its `typ` (RFC 9068).
    """
    is_typed = str(header.get("typ")).lower() != "jwt" and "typ" in header
    names_client = any(isinstance(claims.get(name), str) for name in _CLIENT_CLAIMS)
    has_scope = any(isinstance(claims.get(name), str | list) for name in _SCOPE_CLAIMS)
    if not is_typed and not (names_client and has_scope):
        raise refused("it is not an access token: it names no client or no scope")
    if _ID_TOKEN_CLAIMS & claims.keys():
        raise refused("it is an ID token")
    if claims.get("token_use", "access") != "access" or claims.get("typ", "Bearer") != "Bearer":
        raise refused("it says that it is not an access token")


def _is_subject(subject: str) -> bool:
    return bool(
        0 < len(subject) <= MAX_SUBJECT and subject.isprintable() and subject.strip() == subject
    )
