"""A chat completion that is a turn of a kept conversation."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

import aiohttp
import orjson
from starlette.types import Scope, Send

from middleware.budgets.reservation import Reservation
from middleware.catalogue import Route
from middleware.chat.answer import Answer
from middleware.chat.relay import Relay
from middleware.chat.request import ChatRequest
from middleware.errors import (
    ResponseBroken,
    ServiceError,
    UpstreamBroken,
    UpstreamTimeout,
    openai_object,
)
from middleware.guardrails.guarding import Sent
from middleware.guardrails.guardrails import guarding
from middleware.history.turn import Turn
from middleware.passthrough import (
    NOT_FORWARDED,
    NOT_RETURNED,
    forwarded_headers,
    returned_headers,
    target,
)
from middleware.upstream import Upstream, cost_of

# what is read here has to come as it is, not compressed
_REQUEST = NOT_FORWARDED | {b"content-length", b"accept-encoding"}
_RESPONSE = NOT_RETURNED | {b"content-length"}


class KeptChat:
    """Serves one turn."""

    def __init__(self, scope: Scope, send: Send, turn: Turn, reservation: Reservation) -> None:
        self._scope = scope
        self._send = send
        self._turn = turn
        self._reservation = reservation

    async def serve(self, request: ChatRequest, route: Route, body: bytes) -> None:
        """Send the turn on, with what was said before it, and the answer back."""
        if self._turn.continues:
            request.show(self._turn.shown(request.messages(), route))
        hides_usage = request.is_stream and request.want_usage()
        upstream: Upstream = self._scope["app"].state.upstream
        where = request.target or target(self._scope)
        data = request.encoded(body)
        if self._turn.continues:
            self._reservation.check(request.fields, data)
        headers = self._reservation.sending(forwarded_headers(self._scope, _REQUEST))

        async def post(body: bytes) -> aiohttp.ClientResponse:
            return await upstream.request("POST", where, headers, body)

        guarded = guarding(self._scope)
        sent = await guarded.send(data, post) if guarded else Sent(await post(data))
        with closing(sent.response) as response:
            if sent.refusal:
                await self._refused(sent.refusal, response)
            elif response.status == 200 and response.content_type == "text/event-stream":
                relay = Relay(self._turn.session_id, request.choices, hides_usage=hides_usage)
                await self._stream(response, relay)
            else:
                await self._whole(response)

    async def _whole(self, response: aiohttp.ClientResponse) -> None:
        body = await _read(response)
        if response.status == 200:
            if (completion := _decoded(body)) is None:
                raise UpstreamBroken
            self._turn.answer = Answer.of(completion)
            await self._reservation.settle(cost_of(response))
        else:
            await self._reservation.refused(cost_of(response), body)
        if self._turn.answer.finish is None:
            self._turn.break_off(response.status)
        else:
            await self._turn.complete(cost_of(response))
            if body.startswith(b'{"'):
                body = b'{"session_id":"%s",%s' % (self._turn.session_id.encode(), body[1:])
        await self._start(response, [(b"content-length", b"%d" % len(body))])
        await self._body(body, more=False)

    async def _refused(self, error: ServiceError, response: aiohttp.ClientResponse) -> None:
        await self._reservation.refused(cost_of(response), await response.read())
        error.headers["x-session-id"] = self._turn.session_id
        raise error

    async def _stream(self, response: aiohttp.ClientResponse, relay: Relay) -> None:
        self._turn.answer = relay.answer
        await self._start(response)
        try:
            while piece := await response.content.readany():
                self._reservation.delivered(len(piece))
                if ready := relay.feed(piece):
                    await self._body(ready, more=True)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ResponseBroken from error
        last = relay.rest()
        if relay.is_complete:
            await self._reservation.settle(relay.answer.cost)
            try:
                await self._turn.complete(None)
            except ServiceError as error:
                last = b"data: " + openai_object(error) + b"\n\n"
        else:
            self._turn.break_off(200)
            if not relay.failed:  # else an error in the stream has said so already
                raise ResponseBroken
        await self._body(last, more=False)

    async def _start(
        self, response: aiohttp.ClientResponse, more: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        headers = returned_headers(response.raw_headers, _RESPONSE)
        headers.append((b"x-session-id", self._turn.session_id.encode()))
        headers += more
        start = {"type": "http.response.start", "status": response.status, "headers": headers}
        await self._send(start)

    async def _body(self, piece: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})


async def _read(response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.read()
    except TimeoutError as error:
        raise UpstreamTimeout from error
    except aiohttp.ClientError as error:
        raise UpstreamBroken from error


def _decoded(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
