"""The issuer's public keys: found by its discovery document, kept, and fetched anew when they have to be.

Whoever sends a token can name any key in it, so a name that is not known is looked up at the issuer only
once in a while, whatever the number of tokens. While the issuer is away its known keys go on counting, but
not for good.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

import aiohttp
import orjson
from jose import jwk
from jose.backends.base import Key
from jose.exceptions import JOSEError

from middleware.errors import ServiceError

log = logging.getLogger("middleware")
FRESH_SECONDS = 3600.0
"""How long the keys are taken for current."""
STALE_SECONDS = 24 * 3600.0
"""How long they count while the issuer cannot be reached."""
AGAIN_SECONDS = 10.0
"""The time between two fetches at least, successful or not."""
_FETCH = aiohttp.ClientTimeout(total=5)
_MAX_BYTES = 2**18
_MAX_KEYS = 64
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_RSA = ("RS256", "RS384", "RS512")
_MIN_RSA_BITS = 2048
ALGORITHMS = frozenset((*_RSA, *_CURVES.values()))
"""Signatures by a private key that only the issuer has; never one by a shared secret."""


class IssuerUnavailable(ServiceError):
    """The issuer's keys cannot be had, so no token can be checked."""

    status = 503
    code = "issuer_unavailable"
    standard = "The identity provider cannot be reached. Try again shortly."
    standard_headers: ClassVar[Mapping[str, str]] = {"retry-after": "5"}


@dataclass(frozen=True, slots=True)
class _Known:
    keys: dict[tuple[str, str], Key]
    fetched: float


class KeySet:
    """The keys of one issuer, by their id and by the algorithm they are for."""

    def __init__(self, issuer: str, session: aiohttp.ClientSession) -> None:
        self._issuer = issuer
        self._session = session
        self._known: _Known | None = None
        self._tried = -math.inf
        self._fetching: asyncio.Task[None] | None = None
        self.generation = 0
        """Counts the times that keys have gone, and with them what they signed."""

    async def find(self, kid: str, algorithm: str) -> Key | None:
        """The key of that id, if it is for that algorithm.

        Raises:
            IssuerUnavailable: there are no keys that still count.
        """
        name = (kid, algorithm)
        if (key := self._counting().get(name)) is None:
            if task := self._refresh():
                await asyncio.shield(task)
            key = self._counting().get(name)
        elif self._age() > FRESH_SECONDS:
            self._refresh()  # for those who come later; this one need not wait
        if key is None and not self._counting():
            raise IssuerUnavailable
        return key

    async def close(self) -> None:
        if self._fetching:
            self._fetching.cancel()

    def _age(self) -> float:
        return time.monotonic() - self._known.fetched if self._known else math.inf

    def _counting(self) -> Mapping[tuple[str, str], Key]:
        return self._known.keys if self._known and self._age() < STALE_SECONDS else {}

    def _refresh(self) -> asyncio.Task[None] | None:
        """The fetch that is under way, or a new one; None where the last was only just now."""
        if self._fetching is None and time.monotonic() - self._tried >= AGAIN_SECONDS:
            self._tried = time.monotonic()
            self._fetching = asyncio.create_task(self._renew())
        return self._fetching

    async def _renew(self) -> None:
        try:
            fetched = await self._fetch()
        finally:
            self._fetching = None
        if fetched is None:
            log.warning("the issuer's keys cannot be fetched")
            return
        if self._known and self._known.keys.keys() - fetched.keys():
            self.generation += 1
        self._known = _Known(fetched, time.monotonic())

    async def _fetch(self) -> dict[tuple[str, str], Key] | None:
        for address in await self._addresses():
            found = await self._get(address)
            if isinstance(found, dict) and isinstance(found.get("keys"), list):
                return _usable(found["keys"])
        return None

    async def _addresses(self) -> list[str]:
        """Where the keys are, as the discovery document says; else where Okta has them."""
        base = self._issuer.rstrip("/")
        for place in ("openid-configuration", "oauth-authorization-server"):
            found = await self._get(f"{base}/.well-known/{place}")
            if isinstance(found, dict) and found.get("issuer") == self._issuer:
                address = found.get("jwks_uri")
                if isinstance(address, str) and self._is_trustworthy(address):
                    return [address]
        return [f"{base}/v1/keys"]

    def _is_trustworthy(self, address: str) -> bool:
        return urlsplit(address).scheme in ("https", urlsplit(self._issuer).scheme)

    async def _get(self, address: str) -> Any:
        try:
            async with self._session.get(
                address,
                headers={"accept": "application/json"},
                timeout=_FETCH,
                allow_redirects=False,
            ) as response:
                body = await response.content.read(_MAX_BYTES + 1)
                while body and len(body) <= _MAX_BYTES and not response.content.at_eof():
                    body += await response.content.read(_MAX_BYTES + 1 - len(body))
                if response.status != 200 or len(body) > _MAX_BYTES:
                    return None
                return orjson.loads(body)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None


def _usable(listed: list[Any]) -> dict[tuple[str, str], Key]:
    """The public keys for signatures among those listed; whatever else is there is passed over."""
    keys: dict[tuple[str, str], Key] = {}
    for entry in listed[:_MAX_KEYS]:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or "d" in entry:
            continue
        kid = entry.get("kid")
        if not isinstance(kid, str) or not kid:
            continue
        for algorithm in _algorithms(entry):
            try:
                key = jwk.construct(entry, algorithm)
            except (JOSEError, ValueError, TypeError, KeyError, AttributeError):
                continue
            if _is_strong(key):
                keys.setdefault((kid, algorithm), key)
    return keys


def _algorithms(entry: dict[str, Any]) -> tuple[str, ...]:
    fitting: tuple[str, ...] = ()
    if entry.get("kty") == "RSA":
        fitting = _RSA
    elif entry.get("kty") == "EC" and entry.get("crv") in _CURVES:
        fitting = (_CURVES[entry["crv"]],)
    stated = entry.get("alg")
    return fitting if stated is None else tuple(each for each in fitting if each == stated)


def _is_strong(key: Any) -> bool:
    size = getattr(key.prepared_key, "key_size", 0)
    return not key._algorithm.startswith("RS") or size >= _MIN_RSA_BITS
