"""One call and its guardrails: what happens when LiteLLM answers with an error.

Without its guardrail a call is not served. Where the setting says so, it is repeated without those of the
guardrails that its caller has named and that do not answer; guardrails that the administrator has put on
every call, or on a model, are never left out.
"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
import orjson

from middleware.errors import ServiceError, UpstreamBroken, UpstreamTimeout
from middleware.exchange import Exchange
from middleware.guardrails.blocked import Blocked
from middleware.guardrails.errors import GuardrailsUnknown, GuardrailUnavailable
from middleware.guardrails.wish import NAMES
from middleware.metrics.instruments import BLOCKED, FAILED_OPEN, UNAVAILABLE

if TYPE_CHECKING:
    from middleware.guardrails.guardrails import Guardrails

WARNING = b"x-guardrail-warning"
_OF_A_MODEL = "litellm."  # what LiteLLM puts before the errors of models
_MAY_BE_A_GUARDRAILS = frozenset((403, 404, 408, 424, 429))
# LiteLLM's own types of errors that have been decided before any guardrail is asked
_LIMITS = frozenset(
    ("budget_exceeded", "auth_error", "expired_key", "team_member_permission_error")
)
_OF_A_RATE = "Rate limit exceeded for "
_DENIED = "_access_denied"
_EVENT = b"data:"
_LARGEST_ERROR = 2**20
Send = Callable[[bytes], Awaitable[aiohttp.ClientResponse]]


class Sent(NamedTuple):
    """LiteLLM's answer, which whoever has asked closes; one that is an error has been read."""

    response: aiohttp.ClientResponse
    refusal: ServiceError | None = None
    """What the caller gets instead, where a guardrail has blocked the call or does not answer."""


class Guarding:
    """The guardrails of one call."""

    def __init__(
        self,
        guardrails: Guardrails,
        names: Collection[str],
        kept: Collection[str],
        exchange: Exchange,
    ) -> None:
        """Guard a call that names guardrails, and has others that are `kept` whatever the setting says."""
        self._guardrails = guardrails
        self._kept = frozenset(kept)
        self._names = frozenset(names) - self._kept
        self._exchange = exchange

    async def send(self, body: bytes, send: Send) -> Sent:
        """Send a call, and again without guardrails that do not answer, where that is allowed."""
        left_out: frozenset[str] = frozenset()
        while (response := await send(body)).status >= 400:
            sent, failing = await self._failed(response)
            if not failing:
                return sent
            if not self._may_go_without(failing):
                for name in failing:
                    UNAVAILABLE.labels(name).inc()
                return Sent(response, GuardrailUnavailable())
            response.close()
            left_out |= failing
            self._names -= failing
            body = _without(body, failing)
        if left_out:
            for name in left_out:
                FAILED_OPEN.labels(name).inc()
            named = ", ".join(sorted(left_out))
            self._exchange.note = f"without guardrails: {named}"
            self._exchange.headers.append((WARNING, f"not applied: {named}".encode()))
        return Sent(response)

    def _may_go_without(self, failing: frozenset[str]) -> bool:
        return self._guardrails.fails_open and failing <= self._names

    async def _failed(self, response: aiohttp.ClientResponse) -> tuple[Sent, frozenset[str]]:
        """An error, and the guardrails that are to blame for it."""
        try:
            error = _error(response, await _read(response))
            if blocked := Blocked.of(response.status, error):
                BLOCKED.inc()
                return Sent(response, blocked), frozenset()
            return Sent(response), await self._failing(response, error)
        except BaseException:
            response.close()
            raise

    async def _failing(
        self, response: aiohttp.ClientResponse, error: dict[str, Any]
    ) -> frozenset[str]:
        is_broken = response.status >= 500
        if not is_broken and response.status not in _MAY_BE_A_GUARDRAILS:
            return frozenset()
        if str(error.get("message") or "").startswith(_OF_A_MODEL) or _is_a_limit(response, error):
            return frozenset()
        # those of the model or the key are told by LiteLLM, together with whatever else was named
        told = response.headers.get("x-litellm-applied-guardrails", "")
        applied = self._names | self._kept | {name.strip() for name in told.split(",")} - {""}
        register = self._guardrails.register
        try:
            # one of every call may have been made since; a failure that is no server's error can wait
            listed = await (register.renewed() if is_broken else register.listed())
        except GuardrailsUnknown:
            return frozenset()
        asked = listed.always | (applied & listed.names)
        return await self._guardrails.health.failing(asked) if asked else frozenset()


def _is_a_limit(response: aiohttp.ClientResponse, error: dict[str, Any]) -> bool:
    """Whether it is LiteLLM's own word: a limit of a key, a team or a user, or a model that is not theirs."""
    said = str(error.get("message") or "")
    if "rate_limit_type" in response.headers or said.startswith(_OF_A_RATE):
        return True
    kind = str(error.get("type"))
    return kind in _LIMITS or kind.endswith(_DENIED)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.read()
    except TimeoutError as error:
        raise UpstreamTimeout from error
    except aiohttp.ClientError as error:
        raise UpstreamBroken from error


def _error(response: aiohttp.ClientResponse, body: bytes) -> dict[str, Any]:
    try:
        if response.headers.get("content-encoding") == "gzip":
            body = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, _LARGEST_ERROR)
        if body.startswith(_EVENT):  # so it answers a stream that fails before its first event
            body = body.removeprefix(_EVENT).partition(b"\n\n")[0]
        error = orjson.loads(body)["error"]
    except (zlib.error, orjson.JSONDecodeError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {"message": error}


def _without(body: bytes, names: frozenset[str]) -> bytes:
    fields = orjson.loads(body)
    kept = [name for name in fields.get(NAMES) or () if name not in names]
    fields.pop(NAMES, None)
    return orjson.dumps({**fields, NAMES: kept} if kept else fields)
