"""Calls of one token with somebody's key, and what the gateway's answer says of limits and cost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway_lib.clients import http_client
from gateway_lib.errors import GatewayUnreachable
from gateway_lib.settings import Settings

_REMAINING = re.compile(r"x-ratelimit-(.+)-remaining-requests")


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: HTTP status.
        kind: The error's type, empty where there is none.
        words: For people.
        cost_usd: What the call cost.
        remaining: By limit of calls per minute, how many are left of it.
    """

    status: int
    kind: str
    words: str
    cost_usd: float = 0.0
    remaining: Mapping[int, int] = field(default_factory=dict)


class Calls:
    """Makes the calls, none of them kept as a conversation or answered from a cache."""

    def __init__(self, settings: Settings) -> None:
        """Call the gateway of `settings`, never with the keys in them."""
        self._http = http_client(settings)

    def close(self) -> None:
        self._http.close()

    def make(self, key: str, model: str, mode: str) -> Answer:
        """One call of a model: a chat completion of one token, or an embedding of one word.

        Raises:
            GatewayUnreachable: No answer came.
        """
        body: dict[str, Any] = {"model": model, "cache": {"no-cache": True}}
        if mode == "embedding":
            path, body = "/v1/embeddings", {**body, "input": "ping"}
        else:
            messages = [{"role": "user", "content": "ping"}]
            more = {"messages": messages, "max_tokens": 1, "enable_history": False}
            path, body = "/v1/chat/completions", {**body, **more}
        try:
            answer = self._http.post(path, json=body, headers={"Authorization": f"Bearer {key}"})
        except httpx.HTTPError as error:
            raise GatewayUnreachable(f"POST {path}: {error or type(error).__name__}") from None
        return _read(answer)


def _read(answer: httpx.Response) -> Answer:
    headers = answer.headers
    cost = float(headers.get("x-litellm-response-cost") or 0.0) if answer.is_success else 0.0
    remaining: dict[int, int] = {}
    for name, value in headers.items():
        found = _REMAINING.fullmatch(name)
        limit = headers.get(f"x-ratelimit-{found[1]}-limit-requests") if found else None
        if limit and limit.isdigit() and value.lstrip("-").isdigit():
            left = remaining.get(int(limit), int(value))
            remaining[int(limit)] = min(left, int(value))
    if answer.is_success:
        return Answer(answer.status_code, "", "", cost, remaining)
    kind, message = _error(answer)
    return Answer(answer.status_code, kind, f"HTTP {answer.status_code}{message}", cost, remaining)


def _error(answer: httpx.Response) -> tuple[str, str]:
    try:
        error = answer.json()["error"]
        kind = str(error.get("type") or "")
        return kind, "" if "denied" in kind else f": {str(error.get('message'))[:160]}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", f": {answer.reason_phrase}"
