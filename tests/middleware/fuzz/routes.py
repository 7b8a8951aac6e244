# ruff: noqa: E501 - a request is a line
"""Every route of the service with good requests of it, and hostile ones made from these by number."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.middleware.bedrock.faults.mutations import _damaged, _mutated
from tests.middleware.bedrock.faults.values import HEADERS

from .upstream import BEDROCK_MODEL, MODEL, said

SESSION = "00000000-0000-4000-8000-000000000000"
_TURN = {
    "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
    "inferenceConfig": {"maxTokens": 100},
}
_TOOL = {
    "type": "function",
    "function": {
        "name": "f",
        "parameters": {"type": "object", "properties": {"a": {"type": "string"}}},
    },
}
_CHAT = {"model": MODEL, "messages": said("Hello"), "temperature": 0.5, "max_tokens": 100}
_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
_EXPERIMENT = {
    "model": MODEL, "unit": "user", "primary": "cost", "arms": [
        {"name": "control", "model": MODEL, "weight": 0.5}, {"name": "other", "model": BEDROCK_MODEL, "weight": 0.5}],
}  # fmt: skip
ROUTES: dict[str, list[Any]] = {
    "POST /v1/chat/completions": [
        _CHAT,
        {**_CHAT, "stream": True, "tools": [_TOOL]},
        {**_CHAT, "messages": [{"role": "user", "content": [_PART, {"type": "text", "text": "Hello"}]}]},
        {**_CHAT, "session_id": SESSION, "enable_history": True, "priority": 1, "guardrails": ["g"], "metadata": {"a": "b"}},
    ],
    f"POST /openai/deployments/{MODEL}/chat/completions": [_CHAT],
    "POST /v1/messages": [{**_CHAT, "system": "Hello"}],
    "POST /v1/responses": [{"model": MODEL, "input": said("Hello"), "tools": [{"type": "web_search"}]}],
    "POST /v1/embeddings": [{"model": "text-embedding-3-small", "input": ["Hello"], "dimensions": 100}],
    f"POST /bedrock/model/{BEDROCK_MODEL}/converse": [
        {**_TURN, "system": [{"text": "Hello"}], "additionalModelRequestFields": {"session_id": SESSION, "top_k": 100}},
        {**_TURN, "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]}},
    ],
    f"POST /bedrock/model/{BEDROCK_MODEL}/converse-stream": [_TURN],
    f"POST /bedrock/model/{BEDROCK_MODEL}/invoke": [{"messages": said("Hello"), "max_tokens": 100}],
    f"POST /bedrock/model/{BEDROCK_MODEL}/count-tokens": [{"input": {"converse": _TURN}}],
    "POST /chat-history": [{"session_id": SESSION, "after": 0, "limit": 100}],
    "POST /bedrock/chat-history": [{"session_id": SESSION, "after": 0, "limit": 100}],
    "POST /session-ids": [{"after": SESSION, "limit": 100}],
    "POST /experiments/feedback": [{"request_id": "Hello", "name": "liked", "value": 0.5}],
    "PUT /experiments/fuzzed": [_EXPERIMENT],
    "POST /experiments/fuzzed/ramp": [{"share": 0.5}],
    "POST /experiments/fuzzed/stop": [{"reason": "Hello"}],
    "POST /experiments/fuzzed/promote": [{"arm": "Hello"}],
    "POST /key/generate": [{"models": [MODEL], "duration": "1d", "max_budget": 0.5, "metadata": {"description": "Hello"}}],
    "POST /key/update": [{"key": "sk-Hello", "models": [MODEL], "rpm_limit": 100}],
}  # fmt: skip
# experiments only an administrator may touch, and keys only somebody who is none
ADMINISTERED: Callable[[str], bool] = lambda route: "/experiments/fuzzed" in route  # noqa: E731


@dataclass(frozen=True)
class Sent:
    """One request."""

    number: int
    route: str
    headers: dict[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"#{self.number} {self.route} {self.headers}\n    {self.body[:1500]!r}"


def sent(route: str, number: int, key: str) -> Sent:
    """The request of a number."""
    draw = random.Random(f"{route} {number}")
    body = copy.deepcopy(draw.choice(ROUTES[route]))
    for _ in range(draw.choice((0, 1, 1, 1, 1, 2, 3, 6))):
        body = _mutated(body, draw)
    data = json.dumps(body, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")
    if draw.random() < 0.25:
        data = _damaged(data, draw)
    headers: dict[str, str | None] = {
        "content-type": "application/json",
        "authorization": f"Bearer {key}",
    }
    if draw.random() < 0.1:
        headers |= draw.choice(HEADERS)
    return Sent(
        number, route, {name: each for name, each in headers.items() if each is not None}, data
    )
