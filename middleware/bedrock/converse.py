"""Converse and ConverseStream over LiteLLM's chat completions."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import aiohttp

from middleware.bedrock import eventstream, schema
from middleware.bedrock.catalogue import Catalogue
from middleware.bedrock.errors import BedrockError, ModelErrorException
from middleware.bedrock.exchange import Exchange
from middleware.bedrock.paths import Target
from middleware.bedrock.request import chat_body
from middleware.bedrock.response import converse_response
from middleware.bedrock.sse import EventParser
from middleware.bedrock.stream import ConverseEvents, exception

CHAT = "/v1/chat/completions"


async def converse(exchange: Exchange, target: Target, catalogue: Catalogue) -> None:
    """Answer a Converse request."""
    request = await exchange.body()
    schema.request("Converse")(request, "")
    route = catalogue.route(target.identifier)
    body = chat_body(request, route, catalogue, stream=False)
    with exchange.caller.watched():
        completion, headers = await exchange.post_json(CHAT, body)
    await exchange.answer(converse_response(request, completion, exchange.latency_ms()), headers)


async def converse_stream(exchange: Exchange, target: Target, catalogue: Catalogue) -> None:
    """Answer a ConverseStream request, each piece as soon as LiteLLM's arrives."""
    request = await exchange.body()
    schema.request("ConverseStream")(request, "")
    route = catalogue.route(target.identifier)
    body = chat_body(request, route, catalogue, stream=True)
    with exchange.caller.watched(), closing(await exchange.post(CHAT, body)) as response:
        await _stream(exchange, request, response)


async def _stream(exchange: Exchange, request: Any, response: aiohttp.ClientResponse) -> None:
    events, parser, begun = ConverseEvents(request), EventParser(), False
    try:
        while piece := await response.content.readany():
            frames = b"".join(map(events.feed, parser.feed(piece)))
            if frames:
                if not begun:
                    await exchange.start(eventstream.CONTENT_TYPE, response.raw_headers)
                    begun = True
                await exchange.write(frames)
        last = events.end(exchange.latency_ms())
    except (BedrockError, aiohttp.ClientError, TimeoutError) as error:
        known = error if isinstance(error, BedrockError) else ModelErrorException(_BROKEN)
        if not begun:
            raise known from error
        last = exception(known)
    await exchange.write(last, more=False)


_BROKEN = "The model's answer broke off before its end."
