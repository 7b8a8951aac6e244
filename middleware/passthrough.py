"""The front door: what the service does not serve itself goes to LiteLLM and back, unbuffered.

Bodies, encodings, status and headers pass as they are, in both directions and piece by piece. A caller
that leaves ends LiteLLM's work; a LiteLLM that breaks off in the middle of a response breaks the
caller's connection too, so that nobody takes half an answer for a whole one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from contextlib import closing
from urllib.parse import quote

import aiohttp
from starlette.types import Receive, Scope, Send

from middleware.admission.admission import FREE, Slot
from middleware.caller import Caller
from middleware.errors import ResponseBroken, render_anthropic, render_openai
from middleware.exchange import Exchange
from middleware.guardrails.guarding import Sent
from middleware.guardrails.guardrails import guarding
from middleware.metrics.reading import Reading
from middleware.sending import Headers
from middleware.upstream import Body, Upstream

# Headers of one connection, not of the message: RFC 9110, section 7.6.1.
HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
_PROVIDERS_RETRY_AFTER = b"llm_provider-retry-after"
NOT_FORWARDED = HOP_BY_HOP | {
    b"expect",  # answered by the server that read the body
    b"forwarded",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-proto",
    b"x-request-id",
}
_OF_THE_BODY = frozenset((b"content-encoding", b"content-length", b"content-type", b"retry-after"))
# LiteLLM lets the pages of every origin in; who is let in here is `Origins`' to say
_OF_ORIGINS = frozenset(
    b"access-control-" + name
    for name in (
        b"allow-credentials",
        b"allow-headers",
        b"allow-methods",
        b"allow-origin",
        b"allow-private-network",
        b"expose-headers",
        b"max-age",
    )
)
NOT_RETURNED = HOP_BY_HOP | _OF_ORIGINS | {b"server", b"date", b"x-request-id"}


class PassThrough:
    """An ASGI application that hands every http request to the `upstream` of the application's state."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = Caller(receive)
        await relay(scope, caller, await caller.body(), send)


async def relay(
    scope: Scope, caller: Caller, body: Body, send: Send, where: str = "", slot: Slot = FREE
) -> None:
    """Hand one request to LiteLLM, and its answer back.

    Args:
        scope: the request's.
        caller: its sender.
        body: as it came, or another in its place.
        send: the ASGI server's.
        where: a path to send it to instead of its own.
        slot: what it has to wait for, and holds until the answer's end.
    """
    with caller.watched():
        async with slot:
            upstream: Upstream = scope["app"].state.upstream
            headers, aim = forwarded_headers(scope), where or target(scope)

            def request(data: Body) -> Awaitable[aiohttp.ClientResponse]:
                return upstream.request(scope["method"], aim, headers, data)

            guarded = guarding(scope)
            if guarded and isinstance(body, bytes):
                sent = await guarded.send(body, request)
            else:
                sent = Sent(await request(body))
            with closing(sent.response) as response:
                if sent.refusal or (guarded and response.status >= 400):
                    await _error(scope, sent, send)
                    return
                await send(
                    {
                        "type": "http.response.start",
                        "status": response.status,
                        "headers": returned_headers(response.raw_headers),
                    }
                )
                exchange: Exchange = scope["state"]["exchange"]
                reading = Reading() if exchange.model else None
                content, more = response.content, True
                try:
                    while more:
                        try:
                            piece = await content.readany()
                        except (aiohttp.ClientError, TimeoutError) as error:
                            raise ResponseBroken from error
                        more = not content.at_eof()
                        if reading:
                            reading.feed(piece)
                        await send({"type": "http.response.body", "body": piece, "more_body": more})
                finally:
                    if reading:
                        reading.tell(exchange)


async def _error(scope: Scope, sent: Sent, send: Send) -> None:
    """Hand an error back that has been read."""
    response = sent.response
    status, body = response.status, await response.read()
    headers = returned_headers(response.raw_headers)
    if sent.refusal:
        render = render_anthropic if scope["path"].endswith("/v1/messages") else render_openai
        status, more, body = render(sent.refusal, scope["state"]["exchange"].request_id)
        headers = [pair for pair in headers if pair[0] not in _OF_THE_BODY]
        headers += [(name.encode(), value.encode()) for name, value in more.items()]
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def target(scope: Scope) -> str:
    """The raw path and query: percent-encoding kept, since `%2F` and `/` are not the same to everybody."""
    path, query = raw_path(scope), scope.get("query_string", b"").decode("ascii")
    return f"{path}?{query}" if query else path


def raw_path(scope: Scope) -> str:
    """The path as the caller encoded it, without the query."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return raw.decode("ascii").partition("?")[0]


def forwarded_headers(scope: Scope, but: frozenset[bytes] = NOT_FORWARDED) -> Headers:
    """The request's end-to-end headers, plus who asked and how, plus the request's id."""
    headers = _end_to_end(scope["headers"], but)
    if client := scope.get("client"):
        headers.append((b"x-forwarded-for", client[0].encode()))
    secure = scope["scheme"] in ("https", "wss")
    headers.append((b"x-forwarded-proto", b"https" if secure else b"http"))
    headers.append((b"x-request-id", scope["state"]["exchange"].request_id.encode()))
    return headers


def returned_headers(
    headers: Iterable[tuple[bytes, bytes]], but: frozenset[bytes] = NOT_RETURNED
) -> Headers:
    """LiteLLM's end-to-end headers as they reach the caller."""
    kept = _end_to_end([(name.lower(), value) for name, value in headers], but)
    names = dict(kept)
    if _PROVIDERS_RETRY_AFTER in names and b"retry-after" not in names:
        # LiteLLM keeps the provider's wish under a name that no client looks for
        kept.append((b"retry-after", names[_PROVIDERS_RETRY_AFTER]))
    return kept


def _end_to_end(headers: Headers, but: frozenset[bytes]) -> Headers:
    """All headers but those, and but those that `connection` itself names: they are of one connection too."""
    for value in [value for name, value in headers if name == b"connection"]:
        but |= {part.strip().lower() for part in value.split(b",")}
    return [pair for pair in headers if pair[0] not in but]
