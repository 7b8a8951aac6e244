"""The upstream of the history's tests, which here notes each call and says which model answered."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import Message

from tests.middleware.history.litellm import LiteLLM as Base
from tests.middleware.history.litellm import answer


class LiteLLM(Base):
    """`calls` are the request ids and bodies of completions, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.fell_back = False
        self.slow: dict[str, float] = {}
        self.fails_for = ""

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/chat/completions"):
            self._headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        await super().__call__(scope, receive, send)

    async def _complete(self, receive, send, request: dict[str, Any]) -> None:
        self.calls.append((self._headers["x-request-id"], request))
        model = request["model"]
        await asyncio.sleep(self.slow.get(model, 0))
        if model == self.fails_for:
            await answer(send, 500, {"error": {"message": "out of order", "code": "500"}})
            return
        extra = [
            (b"x-litellm-model-group", (b"spare" if self.fell_back else model.encode())),
            (b"x-litellm-attempted-fallbacks", b"1" if self.fell_back else b"0"),
        ]

        async def saying(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await super()._complete(receive, saying, request)

    def models(self) -> list[str]:
        return [request["model"] for _, request in self.calls]
