"""Whose key a request carries.

LiteLLM keeps the keys. It is asked for a key's row by the key's hash, with the service's own key, so that
nothing depends on what routes the caller's key may call, and no key is in a URL. What it says is believed for
seconds, and shared by the replicas through Redis; only what is good is remembered.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
from redis.exceptions import RedisError
from starlette.types import Scope

from middleware.errors import Unauthenticated, UpstreamUnavailable
from middleware.lookup import Lookup
from middleware.settings import Settings
from middleware.stores import redis_client
from middleware.upstream import Upstream

log = logging.getLogger("middleware")
REDIS_SECONDS = 0.5
METADATA = "gateway"
"""The member of a key's and a user's metadata in LiteLLM that is this service's own."""
_MAX_KEYS = 50_000
WRITER = "proxy_admin"
_ADMINS = frozenset((WRITER, "proxy_admin_viewer"))
# LiteLLM's own order; the first of them that a request has is the one that counts.
KEY_HEADERS = (
    b"x-litellm-api-key",
    b"authorization",
    b"api-key",
    b"x-api-key",
    b"x-goog-api-key",
    b"ocp-apim-subscription-key",
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A key that is good, and who has it."""

    key_hash: str
    user_id: str | None = None
    team_id: str | None = None
    expires: float | None = None
    """Seconds since 1970; None for never."""
    is_master: bool = False
    priority: int | None = None
    """The best place in the admission queue that the key's calls may have; None where nothing says so."""


class Keys:
    """Finds out whose key it is."""

    def __init__(self, settings: Settings, upstream: Upstream) -> None:
        self._upstream = upstream
        self._master = settings.litellm_key.get_secret_value()
        self._seconds = settings.key_seconds
        self._known = Lookup[Identity](_MAX_KEYS, self._seconds)
        self._roles = Lookup[str](_MAX_KEYS, self._seconds)
        self._redis = redis_client(settings, REDIS_SECONDS)

    async def identify(self, scope: Scope) -> Identity:
        """The identity behind a request's key.

        Raises:
            Unauthenticated: there is no key, or it is unknown, revoked or expired.
            UpstreamUnavailable: LiteLLM cannot be asked.
        """
        key = sent_key(scope)
        if not key:
            raise Unauthenticated
        hashed = hashlib.sha256(key).hexdigest()
        if self._master and hmac.compare_digest(key, self._master.encode()):
            return Identity(hashed, is_master=True)
        if not key.startswith(b"sk-"):
            raise Unauthenticated
        identity = await self._known.get(hashed, lambda: self._shared(hashed))
        if identity.expires is not None and identity.expires <= time.time():
            raise Unauthenticated
        return identity

    async def is_admin(self, identity: Identity) -> bool:
        """Whether the key is the master key, or belongs to an administrator."""
        if identity.is_master or identity.user_id is None:
            return identity.is_master
        user_id = identity.user_id
        return await self._roles.get(user_id, lambda: self._ask_role(user_id)) in _ADMINS

    async def may_write(self, identity: Identity) -> bool:
        """Whether the key may change everybody's users, keys and teams: not every administrator's may."""
        if identity.is_master or identity.user_id is None:
            return identity.is_master
        user_id = identity.user_id
        return await self._roles.get(user_id, lambda: self._ask_role(user_id)) == WRITER

    @property
    def pool(self) -> dict[str, dict[str, int]]:
        """Connections to Redis that are used and idle; empty without one."""
        if self._redis is None:
            return {}
        counted = self._redis.connection_pool.get_connection_count()
        (idle, _), (used, _) = counted
        return {"redis": {"used": used, "idle": idle}}

    async def close(self) -> None:
        if self._redis:
            await self._redis.aclose()

    async def _shared(self, hashed: str) -> Identity:
        name = f"middleware:key:3:{hashed}"  # the 3 counts what an identity has had as fields
        if known := await self._recall(name):
            return known
        identity = await self._ask(hashed)
        await self._remember(name, identity)
        return identity

    async def _recall(self, name: str) -> Identity | None:
        if self._redis is None:
            return None
        try:
            found = await self._redis.get(name)
        except (RedisError, OSError, TimeoutError):
            log.warning("Redis cannot be asked for a key; LiteLLM is")
            return None
        return Identity(**orjson.loads(found)) if found else None

    async def _remember(self, name: str, identity: Identity) -> None:
        if self._redis is None:
            return
        try:
            milliseconds = round(self._seconds * 1000)
            await self._redis.set(name, orjson.dumps(asdict(identity)), px=milliseconds)
        except (RedisError, OSError, TimeoutError):
            log.warning("Redis cannot be told of a key")

    async def _ask(self, hashed: str) -> Identity:
        status, answer = await self._upstream.ask(f"/key/info?key={hashed}", self._master)
        if status == 404:
            raise Unauthenticated
        info = answer.get("info") if isinstance(answer, dict) else None
        if status != 200 or not isinstance(info, dict):
            raise UpstreamUnavailable
        if info.get("blocked") or info.get("status", "active") != "active":
            raise Unauthenticated
        return Identity(
            hashed,
            info.get("user_id"),
            info.get("team_id"),
            _seconds(info.get("expires")),
            priority=_priority(info.get("metadata")),
        )

    async def _ask_role(self, user_id: str) -> str:
        status, answer = await self._upstream.ask(
            "/v2/user/info", self._master, {"user_id": user_id}
        )
        if status not in (200, 404):
            raise UpstreamUnavailable
        return str(answer.get("user_role")) if isinstance(answer, dict) else ""


def sent_key(scope: Scope) -> bytes:
    """The credential of a request, as LiteLLM would find it; empty where there is none."""
    sent = dict(reversed(scope["headers"]))  # the first of several counts
    for name in KEY_HEADERS:
        if value := sent.get(name):
            scheme, _, rest = value.partition(b" ")
            return bytes(rest.strip() if scheme.lower() in (b"bearer", b"basic") else value)
    return b""


def _priority(metadata: Any) -> int | None:
    """The priority that the policy gave the key, in the part of its metadata that nobody else may set."""
    granted = metadata.get(METADATA) if isinstance(metadata, dict) else None
    found = granted.get("priority") if isinstance(granted, dict) else None
    return found if type(found) is int else None


def _seconds(moment: Any) -> float | None:
    return datetime.fromisoformat(moment).timestamp() if moment else None
