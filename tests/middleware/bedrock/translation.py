"""A Converse request as it is sent to LiteLLM."""

from __future__ import annotations

from typing import Any

from middleware.bedrock.request import chat_body
from middleware.catalogue import Route
from middleware.chat.shape import for_provider


def sent(request: dict[str, Any], route: Route, catalogue: Any) -> dict[str, Any]:
    """The chat completion's body, its messages in the form that the provider takes."""
    body = chat_body(request, route, catalogue, stream=False)
    return {**body, "messages": for_provider(body["messages"], route, replayed=False)}
