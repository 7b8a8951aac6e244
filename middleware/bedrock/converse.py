"""Converse and ConverseStream over LiteLLM's chat completions."""

from __future__ import annotations

from contextlib import closing, nullcontext

import aiohttp

from middleware.bedrock import eventstream, schema
from middleware.bedrock.conversation import Call, accept, begin, reserve
from middleware.bedrock.errors import ModelErrorException, from_service
from middleware.bedrock.exchange import Exchange, decoded
from middleware.bedrock.paths import Target
from middleware.bedrock.response import converse_response, intervened
from middleware.bedrock.stream import ConverseEvents, exception
from middleware.budgets.reservation import Reservation
from middleware.catalogue import Catalogue
from middleware.chat.answer import Answer
from middleware.errors import ServiceError
from middleware.guardrails.blocked import Blocked
from middleware.history.turn import Turn
from middleware.sse import EventParser
from middleware.upstream import cost_of

CHAT = "/v1/chat/completions"


async def converse(exchange: Exchange, target: Target, catalogue: Catalogue) -> None:
    """Answer a Converse request."""
    request = await exchange.body()
    schema.request("Converse")(request, "")
    with exchange.caller.watched():
        call = await begin(exchange, target, catalogue, request, stream=False)
        async with call.slot, await reserve(exchange, call) as reservation:
            turn = await accept(exchange, call, reservation)
            sent = exchange.post(CHAT, call.body, reservation)
            try:
                with turn or nullcontext(), closing(await sent) as response:
                    completion = await decoded(response)
                    exchange.note(completion)
                    await reservation.settle(cost_of(response))
                    answer = converse_response(call.request, completion, exchange.latency_ms())
                    if turn:
                        turn.answer = Answer.of(completion)
                        await turn.complete(cost_of(response))
                    await exchange.answer(answer, response.raw_headers)
            except Blocked as blocked:
                exchange.note_blocked()
                await exchange.answer(intervened(blocked, exchange.latency_ms()))


async def converse_stream(exchange: Exchange, target: Target, catalogue: Catalogue) -> None:
    """Answer a ConverseStream request, each piece as soon as LiteLLM's arrives."""
    request = await exchange.body()
    schema.request("ConverseStream")(request, "")
    with exchange.caller.watched():
        call = await begin(exchange, target, catalogue, request, stream=True)
        async with call.slot, await reserve(exchange, call) as reservation:
            turn = await accept(exchange, call, reservation)
            sent = exchange.post(CHAT, call.body, reservation)
            try:
                with turn or nullcontext(), closing(await sent) as response:
                    await _stream(exchange, call, turn, response, reservation)
            except Blocked as blocked:
                exchange.note_blocked()
                await exchange.start(eventstream.CONTENT_TYPE, ())
                events = ConverseEvents(call.request)
                frames = events.intervene(blocked.message, exchange.latency_ms())
                await exchange.write(frames, more=False)


async def _stream(
    exchange: Exchange,
    call: Call,
    turn: Turn | None,
    response: aiohttp.ClientResponse,
    reservation: Reservation,
) -> None:
    events = ConverseEvents(call.request, turn.answer if turn else None)
    parser, begun = EventParser(), False
    try:
        while piece := await response.content.readany():
            reservation.delivered(len(piece))
            frames = b"".join([events.feed(data) for data in parser.feed(piece)])
            if frames:
                if not begun:
                    await exchange.start(eventstream.CONTENT_TYPE, response.raw_headers)
                    begun = True
                await exchange.write(frames)
        exchange.note(events.last)
        last = events.end(exchange.latency_ms())
        await reservation.settle(events.cost)
        if turn:
            await turn.complete(None)
    except (ServiceError, aiohttp.ClientError, TimeoutError) as error:
        if isinstance(error, Blocked) and not begun:
            raise
        known = (
            from_service(error)
            if isinstance(error, ServiceError)
            else ModelErrorException("The model's answer broke off before its end.")
        )
        if not begun:
            raise known from error
        if turn:
            turn.break_off(known.status)
        last = exception(known)
        if isinstance(error, Blocked):
            exchange.note_blocked()
            last = events.intervene(error.message, exchange.latency_ms())
    await exchange.write(last, more=False)
