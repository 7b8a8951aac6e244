"""OpenAI's chat completions as an ASGI application: LiteLLM's own, with a memory and Managed Prompts."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from contextlib import nullcontext

from starlette.types import Receive, Scope, Send

from middleware.admission.admission import Admission
from middleware.auth import Keys
from middleware.budgets import routes
from middleware.budgets.budgets import Budgets
from middleware.budgets.metering import as_json
from middleware.budgets.reservation import Reservation
from middleware.budgets.spending import Spending
from middleware.caller import MAX_BODY, Caller
from middleware.catalogue import Catalogue
from middleware.chat.guarded import check
from middleware.chat.kept import KeptChat
from middleware.chat.prompted import prompted
from middleware.chat.request import ChatRequest
from middleware.experiments.calls import ChatCall, mentions_one, named_in
from middleware.experiments.experiments import Experiments
from middleware.experiments.trial import trial_of
from middleware.guardrails.forms import refuse_form
from middleware.guardrails.guardrails import Guardrails
from middleware.guardrails.wish import are_mentioned
from middleware.history.conversations import Conversations
from middleware.passthrough import relay

_PROMPT = ":prompt/"
_OF_A_PROMPT = re.compile(rb":prompt\\?/")


class ChatApi:
    """Serves chat completions; `model` is the one that the path names, if it does."""

    def __init__(self, model: str) -> None:
        self._model = model

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = Caller(receive)
        if scope["method"] != "POST":
            await relay(scope, caller, await caller.body(), send)
            return
        state = scope["app"].state
        trial = trial_of(scope)
        conversations: Conversations = state.conversations
        admission: Admission = state.admission
        keys: Keys = state.keys
        budgets: Budgets = state.budgets
        guardrails: Guardrails = state.guardrails
        if conversations.are_off and admission.is_off and not await budgets.are_any():
            body = await caller.whole(MAX_BODY)
            refuse_form(scope, body)
            if (
                trial is None
                and not _is_ours(body)
                and not are_mentioned(body)
                and _PROMPT not in self._model
                and not mentions_one(self._model, body)
            ):
                guardrails.guard(scope)
                await relay(scope, caller, body, send)
                return
            identity = await keys.identify(scope)
        else:
            identity = await keys.identify(scope)
            body = await caller.whole(MAX_BODY)
            refuse_form(scope, body)
        if trial is None and (named := named_in(scope, self._model, body)):
            name, fields = named
            experiments: Experiments = state.experiments
            await experiments.serve(ChatCall(ChatApi(""), scope, receive, send, fields, name))
            return
        request = ChatRequest(body, self._model)
        kept = conversations.keeps(request.wish)
        catalogue: Catalogue = state.catalogue
        purse = await budgets.purse(identity)
        if purse.limits:
            routes.only_model(self._model, scope, request.fields)
            request.rewrite()
            scope = as_json(scope)
        with caller.watched() if request.may_name_prompt else nullcontext():
            route = await prompted(request, state.prompts, catalogue)
        await check(guardrails, scope, request, route, catalogue)
        request.forget_store(route.providers)
        if trial:
            request.try_out(trial)
        priority = admission.priority(request.priority, identity.priority)
        slot = admission.slot(route.model, priority)

        async def reserve(found: Awaitable[Reservation]) -> Reservation:
            reservation = await found
            if trial:
                trial.reserved()
            return reservation

        if not kept:
            spending = Spending(
                scope,
                send,
                slot,
                lambda: reserve(purse.hold(route.model, request.fields)),
                hides_usage=bool(purse.limits) and request.is_stream and request.want_usage(),
            )
            sent = request.encoded(body)
            await relay(spending.scope, caller, sent, spending.send, request.target, spending)
            return
        with caller.watched():
            # both before anything is stored: they may refuse it
            async with (
                slot,
                await reserve(
                    purse.hold_turn(route.model, request.fields, conversations, request.wish)
                ) as reservation,
            ):
                turn = await conversations.accept(
                    identity,
                    request.wish,
                    request.messages(),
                    interface="openai",
                    model=route.model,
                    request_id=scope["state"]["exchange"].request_id,
                    streams=request.is_stream,
                    opening=trial.opening if trial else None,
                    overhears=trial.overhears if trial else "",
                )
                with turn:
                    await KeptChat(scope, send, turn, reservation).serve(request, route, body)


def _is_ours(body: bytes) -> bool:
    return (
        b'"session_id"' in body
        or b'"enable_history"' in body
        or b'"promptVariables"' in body
        or b'"priority"' in body
        or (b":prompt" in body and _OF_A_PROMPT.search(body) is not None)
    )
