"""Access tokens of the issuer: which are good, and whose they are.

What a token says of itself chooses nothing: not the algorithm, which is its key's own, and not where the key
is. Its form is checked before python-jose verifies it, and what python-jose takes for granted as well.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cachetools import TLRUCache
from jose import jwt
from jose.exceptions import JOSEError

from middleware.identity.form import (
    LEEWAY_SECONDS,
    algorithm_of,
    check_form,
    check_use,
    refused,
    taken_apart,
)
from middleware.identity.jwks import KeySet

MAX_BYTES = 8192
_MAX_KNOWN = 50_000
_REQUIRED = {f"require_{claim}": True for claim in ("aud", "exp", "iat", "iss", "sub")} | {
    "leeway": LEEWAY_SECONDS
}


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good token says."""

    subject: str
    expires: float
    """Seconds since 1970."""
    all: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Verified:
    claims: Claims
    generation: int


def looks_like_one(credential: bytes) -> bool:
    """Whether a credential is meant as a token and not as a key of LiteLLM."""
    return credential.startswith(b"ey") and b"." in credential


class Tokens:
    """Verifies, and remembers what it verified until it expires."""

    def __init__(self, issuer: str, audience: str, keys: KeySet) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._known: TLRUCache[bytes, _Verified] = TLRUCache(
            _MAX_KNOWN, ttu=lambda _, verified, now: verified.claims.expires, timer=time.time
        )

    async def verify(self, token: bytes) -> Claims:
        """The claims of a token.

        Raises:
            TokenRefused: whatever is wrong with it; the log says what, without the token.
            IssuerUnavailable: the issuer's keys cannot be had.
        """
        if len(token) > MAX_BYTES:
            raise refused("it is too long")
        digest = hashlib.sha256(token).digest()
        known = self._known.get(digest)
        if known is not None and known.generation == self._keys.generation:
            return known.claims
        header, payload = taken_apart(token)
        algorithm = algorithm_of(header)
        key = await self._keys.find(header["kid"], algorithm)
        if key is None:
            raise refused("no key of the issuer has its kid and alg")
        check_form(payload)
        check_use(header, payload)
        try:
            claims = jwt.decode(
                token.decode("ascii"),
                key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                options=dict(_REQUIRED),
            )
        except JOSEError as error:
            raise refused(str(error)) from None
        verified = Claims(claims["sub"], float(claims["exp"]), claims)
        self._known[digest] = _Verified(verified, self._keys.generation)
        return verified
