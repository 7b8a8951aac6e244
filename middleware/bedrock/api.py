"""The Bedrock Runtime API as an ASGI application below `/bedrock`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from middleware.bedrock.apply_guardrail import apply_guardrail
from middleware.bedrock.converse import converse, converse_stream
from middleware.bedrock.count_tokens import count_tokens
from middleware.bedrock.errors import UnknownOperationException
from middleware.bedrock.exchange import Exchange
from middleware.bedrock.invoke import invoke, invoke_stream
from middleware.bedrock.paths import Target
from middleware.catalogue import Catalogue

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
        catalogue: Catalogue = scope["app"].state.catalogue
        await operation(exchange, self._target, catalogue)
