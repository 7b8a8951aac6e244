"""The Bedrock Runtime API as an ASGI application below `/bedrock`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from middleware.bedrock.apply_guardrail import apply_guardrail
from middleware.bedrock.converse import converse, converse_stream
from middleware.bedrock.count_tokens import count_tokens
from middleware.bedrock.errors import UnknownOperationException, ValidationException
from middleware.bedrock.exchange import Exchange
from middleware.bedrock.invoke import invoke, invoke_stream
from middleware.bedrock.paths import Target
from middleware.caller import MAX_BODY
from middleware.catalogue import Catalogue
from middleware.experiments.calls import ConverseCall
from middleware.experiments.definition import PREFIX
from middleware.experiments.experiments import Experiments
from middleware.experiments.trial import trial_of
from middleware.json_object import decoded

Operation = Callable[[Exchange, Target, Catalogue], Awaitable[None]]
_OPERATIONS: dict[str, Operation] = {
    "converse": converse,
    "converse-stream": converse_stream,
    "invoke": invoke,
    "invoke-with-response-stream": invoke_stream,
    "count-tokens": count_tokens,
    "apply-guardrail": apply_guardrail,
}


class BedrockApi:
    """Serves one target."""

    def __init__(self, target: Target) -> None:
        self._target = target

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        exchange.authorize()
        operation = _OPERATIONS.get(self._target.action)
        if operation is None or scope["method"] != "POST":
            raise UnknownOperationException(f"{scope['method']} here is no operation of this API.")
        state = scope["app"].state
        if self._target.identifier.startswith(PREFIX) and trial_of(scope) is None:
            experiments: Experiments = state.experiments
            await experiments.serve(await self._called(exchange, scope, receive, send))
            return
        catalogue: Catalogue = state.catalogue
        await operation(exchange, self._target, catalogue)

    async def _called(
        self, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> ConverseCall:
        """The call of an experiment that this is."""
        action, identifier, _ = self._target
        if action not in ("converse", "converse-stream"):
            raise ValidationException(
                f"{identifier!r} is an experiment, which is served by Converse and ConverseStream only."
            )
        await exchange.identify()
        return ConverseCall(
            lambda model: BedrockApi(Target(action, model)),
            scope,
            receive,
            send,
            decoded(await exchange.caller.whole(MAX_BODY) or b"{}"),
            identifier.removeprefix(PREFIX),
            streamed=action == "converse-stream",
        )
