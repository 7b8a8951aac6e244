"""A Converse call as the turn of a conversation, with the prompt that it may name instead of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from middleware.admission.admission import Slot
from middleware.admission.priority import taken_from
from middleware.auth import Identity
from middleware.bedrock.errors import ValidationException
from middleware.bedrock.exchange import Exchange
from middleware.bedrock.paths import Target
from middleware.bedrock.request import chat_body
from middleware.budgets.purse import Purse
from middleware.budgets.reservation import NOTHING, Reservation
from middleware.catalogue import Catalogue, Route
from middleware.chat.shape import for_provider
from middleware.experiments.trial import instructed
from middleware.guardrails.wish import NAMES, names_of
from middleware.history.turn import Turn
from middleware.history.wish import Wish
from middleware.json_object import encoded
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
    route: Route
    slot: Slot
    """What it has to wait for before anything else is done."""
    said: list[dict[str, Any]]
    """The messages of this turn as they are kept."""
    instruction: list[dict[str, Any]]
    """What stands before them in the body, and is not kept."""
    wish: Wish
    owner: Identity | None
    """Whose conversation it is a turn of; None where it is not kept."""
    purse: Purse | None
    """The caller's budgets, where anybody has any."""


async def begin(
    exchange: Exchange, target: Target, catalogue: Catalogue, request: Request, *, stream: bool
) -> Call:
    """Make a call of a checked request.

    Raises:
        ServiceError: something in it cannot be honoured, or the key is not good.
    """
    wish, priority, names = _of_ours(request)
    kept = exchange.conversations.keeps(wish)
    arn = PromptArn.parse(target.identifier)
    identity = await exchange.identify() if kept or arn else None
    model_id = target.identifier
    if arn:
        model_id, request = await _prompted(exchange, arn, request)
    if request.get("guardrailConfig"):
        await exchange.may_configure(model_id)
    route = catalogue.route(model_id)
    body = chat_body(request, route, catalogue, stream=stream, continues=bool(wish.session_id))
    kept_names = tuple(body.get(NAMES, ()))  # in the place of Bedrock's own
    if names:
        body[NAMES] = list(dict.fromkeys((*kept_names, *names)))
    await exchange.guard(names, kept_names)
    said = body["messages"]
    instruction: list[dict[str, Any]] = []
    if exchange.trial:
        exchange.trial.apply(body)
        instruction = exchange.trial.instruction
    body["messages"] = instructed(instruction, for_provider(said, route, replayed=False))
    slot = await exchange.slot(route.model, priority)
    purse = await exchange.purse()
    owner = identity if kept else None
    return Call(request, body, route, slot, said, instruction, wish, owner, purse)


async def reserve(exchange: Exchange, call: Call) -> Reservation:
    """Hold what the call may cost, where its caller has a budget for the model."""
    reservation = NOTHING
    if call.purse:
        model = call.route.model
        reservation = await call.purse.hold_turn(
            model, call.body, exchange.conversations, call.wish
        )
    if exchange.trial:
        exchange.trial.reserved()
    return reservation


async def accept(exchange: Exchange, call: Call, reservation: Reservation) -> Turn | None:
    """Store the call where it is kept, and put before its messages what was said earlier.

    Raises:
        ServiceError: it cannot be stored, or the model cannot be shown what was said.
    """
    if call.owner is None:
        return None
    trial = exchange.trial
    turn = await exchange.conversations.accept(
        call.owner,
        call.wish,
        call.said,
        interface="bedrock",
        model=call.route.model,
        request_id=exchange.request_id,
        streams="stream" in call.body,
        opening=trial.opening if trial else None,
        overhears=trial.overhears if trial else "",
    )
    exchange.session_id = turn.session_id
    with turn:  # what was said before may be more than this model can be shown
        messages = call.body["messages"][len(call.instruction) :]
        shown = turn.shown(messages, call.route)
        call.body["messages"] = instructed(call.instruction, shown)
        if reservation.is_held and turn.continues:
            reservation.check(call.body, encoded(call.body, ValidationException))
    return turn


def _of_ours(request: Request) -> tuple[Wish, int | None, tuple[str, ...]]:
    """What the fields have that is for this gateway: no model knows these names."""
    fields = request.get(_FIELDS)
    if not isinstance(fields, dict):
        return Wish(), None, ()
    names = names_of(fields.pop(NAMES, None), f"{_FIELDS}.{NAMES}")
    found = Wish.taken_from(fields), taken_from(fields), names
    if not fields:
        del request[_FIELDS]
    return found


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
