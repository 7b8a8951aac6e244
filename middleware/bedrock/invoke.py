"""InvokeModel: Anthropic bodies on any provider; any other body where Bedrock itself serves the model.

LiteLLM's `/v1/messages` speaks Anthropic's protocol for every provider. Bedrock's variant of it differs in
three places: the version stands in the body, model and stream in the path.
"""

from __future__ import annotations

import base64
from contextlib import closing
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from middleware.admission.priority import taken_from
from middleware.bedrock import eventstream
from middleware.bedrock.additional import refuse_protected
from middleware.bedrock.answer import reads_an_answer
from middleware.bedrock.errors import (
    BedrockError,
    ModelErrorException,
    ValidationException,
    from_litellm,
)
from middleware.bedrock.exchange import Exchange
from middleware.bedrock.paths import Target
from middleware.bedrock.stream import exception
from middleware.budgets import estimate
from middleware.budgets.reservation import Reservation
from middleware.catalogue import Catalogue
from middleware.guardrails.wish import CONFIG, NAMES, Wish
from middleware.sse import EventParser

MESSAGES = "/v1/messages"
_VERSION = "anthropic_version"


_IDENTIFIER, _GUARD_VERSION = (
    b"x-amzn-bedrock-guardrailidentifier",
    b"x-amzn-bedrock-guardrailversion",
)


async def invoke(exchange: Exchange, target: Target, catalogue: Catalogue) -> None:
    """Answer an InvokeModel request."""
    body = await exchange.body()
    route = catalogue.route(target.identifier)
    with exchange.caller.watched():
        if _is_anthropic(body):
            message = await _guarded(
                exchange, catalogue, _messages_body(body, route.model, stream=False)
            )
            where, priority, usage = MESSAGES, taken_from(message), estimate.messages
        else:
            if exchange.header(_IDENTIFIER):
                raise ValidationException("A guardrail is applied to bodies of Anthropic's only.")
            where, message, priority = _native(target, catalogue, "invoke"), body, None
            usage = estimate.native
        async with (
            await exchange.slot(route.model, priority),
            await exchange.reserve(route.model, message, usage) as reservation,
        ):
            answer, headers = await exchange.post_json(where, message, reservation)
    await exchange.answer(answer, headers)


async def invoke_stream(exchange: Exchange, target: Target, catalogue: Catalogue) -> None:
    """Answer an InvokeModelWithResponseStream request."""
    body = await exchange.body()
    route = catalogue.route(target.identifier)
    if not _is_anthropic(body):
        raise ValidationException("Only bodies of Anthropic's messages API are served as a stream.")
    message = await _guarded(exchange, catalogue, _messages_body(body, route.model, stream=True))
    priority = taken_from(message)
    with exchange.caller.watched():
        async with (
            await exchange.slot(route.model, priority),
            await exchange.reserve(route.model, message, estimate.messages) as reservation,
        ):
            with closing(await exchange.post(MESSAGES, message, reservation)) as response:
                await _stream(exchange, response, reservation)


class _Chunks:
    """Anthropic's events as Bedrock's chunks, with the counts that Bedrock adds to the last."""

    def __init__(self) -> None:
        self._first_ms: int | None = None
        self._input = self._output = 0
        self._finish: str | None = None
        self.ended = False
        self.cost: float | None = None
        """Dollars, as soon as LiteLLM has said so."""

    @property
    def said(self) -> dict[str, Any]:
        """What the stream said of itself."""
        usage = {"input_tokens": self._input, "output_tokens": self._output, "cost": self.cost}
        return {"usage": usage, "stop_reason": self._finish}

    @reads_an_answer
    def feed(self, data: bytes, now_ms: int) -> bytes:
        event = orjson.loads(data)
        kind = event.get("type")
        if kind == "error" or "error" in event:
            raise from_litellm(500, event)
        if self._first_ms is None:
            self._first_ms = now_ms
        usage = event.get("usage") or event.get("message", {}).get("usage") or {}
        self._input = usage.get("input_tokens") or self._input
        self._output = usage.get("output_tokens") or self._output
        self.cost = usage.get("cost", self.cost)
        self._finish = (event.get("delta") or {}).get("stop_reason") or self._finish
        if kind == "message_stop":
            self.ended = True
            event["amazon-bedrock-invocationMetrics"] = {
                "inputTokenCount": self._input,
                "outputTokenCount": self._output,
                "invocationLatency": now_ms,
                "firstByteLatency": self._first_ms,
            }
        payload = orjson.dumps({"bytes": base64.b64encode(orjson.dumps(event)).decode()})
        return eventstream.event("chunk", payload)


async def _stream(
    exchange: Exchange, response: aiohttp.ClientResponse, reservation: Reservation
) -> None:
    chunks, parser, begun = _Chunks(), EventParser(), False
    try:
        async for piece in response.content.iter_any():
            reservation.delivered(len(piece))
            events = [data for data in parser.feed(piece) if data != b"[DONE]"]
            frames = b"".join(chunks.feed(data, exchange.latency_ms()) for data in events)
            if chunks.ended:
                await reservation.settle(chunks.cost)
            if frames:
                if not begun:
                    await exchange.start(eventstream.CONTENT_TYPE, response.raw_headers)
                    begun = True
                await exchange.write(frames)
        if not chunks.ended:
            raise ModelErrorException("The model's answer broke off before its end.")
        exchange.note(chunks.said)
        last = b""
    except (BedrockError, aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
        known = error if isinstance(error, BedrockError) else ModelErrorException()
        if not begun:
            raise known from error
        last = exception(known)
    await exchange.write(last, more=False)


def _is_anthropic(body: Any) -> bool:
    if not isinstance(body, dict):
        raise ValidationException("The request body must be an object.")
    return _VERSION in body


def _messages_body(body: dict[str, Any], model: str, *, stream: bool) -> dict[str, Any]:
    # `metadata` is one of Anthropic's own, for the id of an end user
    refuse_protected({key: None for key in body if key != "metadata"}, "")
    wish = Wish.of(body)
    if wish.steering or wish.has_config:
        raise ValidationException(f"{(*wish.steering, CONFIG)[0]} cannot be set by a caller.")
    rest = {key: value for key, value in body.items() if key not in (_VERSION, "model", "stream")}
    if not rest.get("messages") or not rest.get("max_tokens"):
        raise ValidationException("messages and max_tokens are needed.")
    return {**rest, "model": model, "stream": stream}


async def _guarded(
    exchange: Exchange, catalogue: Catalogue, message: dict[str, Any]
) -> dict[str, Any]:
    """The body with the guardrail that the request's headers name, which LiteLLM applies by its name."""
    identifier, version = exchange.header(_IDENTIFIER), exchange.header(_GUARD_VERSION)
    names: tuple[str, ...] = ()
    if identifier:
        known = catalogue.guardrail(identifier, version)
        if known is None:
            raise ValidationException(
                f"The gateway has no guardrail {identifier!r} in version {version!r}."
            )
        names = (known.name,)
    await exchange.guard((), names)
    return {**message, NAMES: list(names)} if names else message


def _native(target: Target, catalogue: Catalogue, action: str) -> str:
    """LiteLLM's own route to Bedrock, for bodies in a provider's own form."""
    route = catalogue.route(target.identifier)
    if not route.bedrock_only:
        raise ValidationException(
            "The body is not one of Anthropic's messages API (anthropic_version is missing), and only "
            "such bodies are served for a model of another provider than Bedrock."
        )
    return f"/bedrock/model/{quote(route.model, safe=':.')}/{action}"
