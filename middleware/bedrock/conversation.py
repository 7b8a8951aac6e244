"""A Converse call as the turn of a conversation, with the prompt that it may name instead of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from middleware.bedrock.errors import ValidationException
from middleware.bedrock.exchange import Exchange
from middleware.bedrock.paths import Target
from middleware.bedrock.request import chat_body
from middleware.catalogue import Catalogue
from middleware.chat.shape import for_provider
from middleware.history.turn import Turn
from middleware.history.wish import Wish
from middleware.prompts.arn import PromptArn

Request = dict[str, Any]
_FIELDS = "additionalModelRequestFields"
# AWS's own rule for a request that names a prompt
_NOT_WITH_A_PROMPT = ("system", "inferenceConfig", "toolConfig", _FIELDS)


@dataclass(frozen=True, slots=True)
class Call:
    """What is to be asked of LiteLLM, and where its answer is kept, if it is."""

    request: Request
    """The Converse request that the body is made of."""
    body: dict[str, Any]
    turn: Turn | None


async def begin(
    exchange: Exchange, target: Target, catalogue: Catalogue, request: Request, *, stream: bool
) -> Call:
    """Make a call of a checked request.

    Raises:
        ServiceError: something in it cannot be honoured, or the key is not good.
    """
    wish = _wish(request)
    kept = exchange.conversations.keeps(wish)
    arn = PromptArn.parse(target.identifier)
    identity = await exchange.identify() if kept or arn else None
    model_id = target.identifier
    if arn:
        model_id, request = await _prompted(exchange, arn, request)
    route = catalogue.route(model_id)
    body = chat_body(request, route, catalogue, stream=stream, continues=bool(wish.session_id))
    messages = body["messages"]
    shaped = for_provider(
        messages, route, replayed=False
    )  # before anything is stored: it may refuse
    turn = None
    if kept and identity:
        turn = await exchange.conversations.accept(
            identity,
            wish,
            messages,
            interface="bedrock",
            model=route.model,
            request_id=exchange.request_id,
            streams=stream,
        )
        exchange.session_id = turn.session_id
    if turn:
        with turn:  # what was said before may be more than this model can be shown
            shaped = turn.shown(shaped, route)
    body["messages"] = shaped
    return Call(request, body, turn)


def _wish(request: Request) -> Wish:
    fields = request.get(_FIELDS)
    if not isinstance(fields, dict):
        return Wish()
    wish = Wish.taken_from(fields)
    if not fields:
        del request[_FIELDS]
    return wish


async def _prompted(exchange: Exchange, arn: PromptArn, request: Request) -> tuple[str, Request]:
    """The model of a prompt, and the request with the prompt in it; given messages follow the prompt's."""
    for name in _NOT_WITH_A_PROMPT:
        if request.get(name):
            raise ValidationException(
                f"{name} cannot be given together with a prompt: the prompt has its own."
            )
    rendered = await exchange.prompts.request(arn, request.pop("promptVariables", None))
    given = request.pop("messages", None) or []
    prompt = rendered.converse
    return rendered.model_id, {**request, **prompt, "messages": [*prompt["messages"], *given]}
