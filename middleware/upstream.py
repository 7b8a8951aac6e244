"""The pooled clients towards LiteLLM, made at start-up and closed at the end."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
from yarl import URL

from middleware.errors import (
    CallerGone,
    ServiceError,
    UpstreamBroken,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from middleware.exchange import answered, current, waited_upstream
from middleware.metrics.instruments import UPSTREAM_ERRORS
from middleware.sending import AT_ONCE, Headers, Line, as_text
from middleware.settings import Settings
from middleware.silence import Connector

FETCH_SECONDS = 10.0
# Less than the 5 s after which LiteLLM closes an idle connection: a request sent into a connection that is
# just being closed would fail, and a POST must not be sent twice.
KEEPALIVE_SECONDS = 4.0
_BUFFER = 2**16
_NOT_ADDED = (
    "accept",
    "accept-encoding",
    "content-type",
    "user-agent",
)  # a caller's are all there are
QUESTIONS = 100
"""Connections to LiteLLM for what the service asks for itself; callers' requests take none of them."""

UNAVAILABLE, TIMEOUT, BROKEN = map(UPSTREAM_ERRORS.labels, ("unavailable", "timeout", "broken"))

Body = bytes | AsyncIterator[bytes] | None


class Upstream:
    """LiteLLM as this service sees it. Bodies and encodings pass untouched, redirects are not followed."""

    def __init__(self, settings: Settings) -> None:
        self._base = settings.litellm_url.rstrip("/")
        self._idle_seconds = settings.idle_seconds
        # no caller's request waits for a connection because of the shadow of another's
        self._calls = _client(settings, settings.max_upstream_connections + settings.shadow_calls)
        self._line = Line(self._calls, URL(self._base, encoded=True), _timeout(settings), _BUFFER)
        # with all of those taken the service is still answered what it asks for itself
        self._questions = _client(settings, QUESTIONS)
        self.elsewhere = _client(settings, settings.max_upstream_connections)
        """For servers that are not LiteLLM: AWS, and who issues tokens."""

    def url(self, target: str) -> URL:
        """The address of `target`, a raw path with its query, exactly as the caller encoded it."""
        return URL(self._base + target, encoded=True)

    async def request(
        self, method: str, target: str, headers: Headers, body: Body
    ) -> aiohttp.ClientResponse:
        """Send a request and return the response as soon as its headers are there.

        The length of a body in one piece is that which it has, whatever the headers say.

        The caller closes it. Before the end of the body this closes the connection too, which tells LiteLLM
        to stop; after it, the connection has gone back to the pool.

        Raises:
            UpstreamUnavailable, UpstreamTimeout, UpstreamBroken: before the headers were there.
        """
        began, exchange = time.perf_counter(), current()
        trace = exchange.trace if exchange else None
        if trace:
            headers = trace.begin_call(method, target, headers)
        try:
            response = await self._answered(self._sent(method, target, headers, body))
        except BaseException as error:
            if trace:
                trace.call_failed(error)
            raise
        finally:
            waited_upstream(time.perf_counter() - began)
        if trace:
            trace.call_answered(response.status)
        if response.status == 429 or response.status >= 500:
            UPSTREAM_ERRORS.labels(str(response.status)).inc()
        answered(response.headers)
        self._may_pause(response)
        return response

    async def _answered(self, sending: Awaitable[aiohttp.ClientResponse]) -> aiohttp.ClientResponse:
        try:
            return await sending
        except aiohttp.ClientConnectorError as error:
            UNAVAILABLE.inc()
            raise UpstreamUnavailable from error
        except (aiohttp.ConnectionTimeoutError, aiohttp.ServerTimeoutError) as error:
            connecting = isinstance(error, aiohttp.ConnectionTimeoutError)
            (UNAVAILABLE if connecting else TIMEOUT).inc()
            raise (UpstreamUnavailable if connecting else UpstreamTimeout) from error
        except aiohttp.ClientError as error:
            if isinstance(error.__cause__, ServiceError | CallerGone):  # his body did not come
                raise error.__cause__ from error
            BROKEN.inc()
            raise UpstreamBroken from error

    def _sent(
        self, method: str, target: str, headers: Headers, body: Body
    ) -> Awaitable[aiohttp.ClientResponse]:
        # aiohttp tries requests of other methods twice, for which it needs to know what they are
        if method == "POST" and isinstance(body, bytes) and len(body) <= AT_ONCE:
            return self._line.post(target, headers, body)
        if isinstance(body, bytes):
            headers = [pair for pair in headers if pair[0] != b"content-length"]
        text = as_text(headers)
        url = self.url(target)
        return self._calls.request(method, url, headers=text, data=body, allow_redirects=False)

    def _may_pause(self, response: aiohttp.ClientResponse) -> None:
        """From now on LiteLLM may stay silent for another time than before the first byte."""
        connection = response.connection
        if connection is None or connection.protocol is None or connection.transport is None:
            return  # all of it is here
        connection.protocol.read_timeout = self._idle_seconds
        if connection.transport.is_reading():  # else it is the caller who does not read
            connection.protocol.start_timeout()

    @asynccontextmanager
    async def websocket(
        self, target: str, headers: Headers, protocols: tuple[str, ...]
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        async with self._calls.ws_connect(
            self.url(target), headers=as_text(headers), protocols=protocols, max_msg_size=0
        ) as connection:
            yield connection

    async def is_ready(self, seconds: float) -> Mapping[str, object] | None:
        """What LiteLLM says of itself when it is ready, else None."""
        try:
            async with self._questions.get(
                self.url("/health/readiness"), timeout=aiohttp.ClientTimeout(total=seconds)
            ) as response:
                found: object = await response.json(content_type=None)
        except (TimeoutError, aiohttp.ClientError, ValueError):
            return None
        return found if response.ok and isinstance(found, dict) else None

    async def ask(
        self, target: str, key: str, query: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and decoded JSON of a GET with the service's own key; None for a body that is no JSON.

        Raises:
            UpstreamUnavailable: LiteLLM did not answer.
        """
        try:
            async with self._questions.get(
                self.url(target),
                params=query,
                headers={"authorization": f"Bearer {key}"},
                timeout=aiohttp.ClientTimeout(total=FETCH_SECONDS),
            ) as response:
                body = await response.read()
        except (TimeoutError, aiohttp.ClientError) as error:
            raise UpstreamUnavailable from error
        try:
            return response.status, orjson.loads(body)
        except orjson.JSONDecodeError:
            return response.status, None

    async def tell(self, target: str, key: str, body: Any, seconds: float) -> int:
        """Status of a POST of JSON with the service's own key.

        Raises:
            UpstreamUnavailable: LiteLLM did not answer within so many seconds.
        """
        try:
            async with self._questions.post(
                self.url(target),
                data=orjson.dumps(body),
                headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response:
                await response.read()
                return response.status
        except (TimeoutError, aiohttp.ClientError) as error:
            raise UpstreamUnavailable from error

    async def fetch(self, target: str, key: str) -> Any:
        """What `ask` gives where LiteLLM grants it, else None."""
        try:
            status, answer = await self.ask(target, key)
        except UpstreamUnavailable:
            return None
        return answer if status == 200 else None

    async def close(self) -> None:
        for client in (self._calls, self._questions, self.elsewhere):
            await client.close()


def _client(settings: Settings, connections: int) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=Connector(limit=connections, keepalive_timeout=KEEPALIVE_SECONDS),
        timeout=_timeout(settings),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_NOT_ADDED,
        read_bufsize=_BUFFER,
    )


def _timeout(settings: Settings) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=None, sock_connect=settings.connect_seconds, sock_read=settings.read_seconds
    )


def cost_of(response: aiohttp.ClientResponse) -> float | None:
    """Dollars that LiteLLM books for a completion, which it says in a header; a stream's come at its end."""
    try:
        return float(response.headers["x-litellm-response-cost"])
    except (KeyError, ValueError):
        return None
