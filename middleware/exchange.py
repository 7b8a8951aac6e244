"""A request and its answer, as far as they are known while it is served."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from middleware.tracing.spans import Trace

_ENDS = re.compile(rb"\[DONE\]|message_stop").search


@dataclass(slots=True)
class Exchange:
    """What is known of a request while it is served; `scope["state"]["exchange"]`."""

    request_id: str
    began: float
    status: int = 0
    sent: int = 0
    note: str = ""
    error: str = ""
    """The kind of error that it ended with, where the service refused it or it broke off."""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Headers that the answer gets, whoever gives it."""
    upstream: float = 0.0
    """Seconds waited for LiteLLM, until the headers of its answers were there."""
    is_stream: bool = False
    last: bytes = b""
    """The last piece of a stream that went to the caller."""
    first: float = 0.0
    """When the first token of a stream went to the caller; 0 before."""
    model: str = ""
    """LiteLLM's name for the model that was asked, once it has answered."""
    response_model: str = ""
    """The model that its answer names."""
    finish: str = ""
    """Why the model stopped."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    """Dollars."""
    trace: Trace | None = None
    """What the request's spans hang from, where it is traced."""

    @property
    def is_done(self) -> bool:
        """Whether a stream has said that it is over, upon which clients may leave."""
        return _ENDS(self.last[-64:]) is not None

    def timing(self) -> bytes:
        """Where the time went until the answer began, as a Server-Timing header (W3C), in milliseconds."""
        whole = time.perf_counter() - self.began
        own, waited = (whole - self.upstream) * 1000, self.upstream * 1000
        return f"middleware;dur={own:.3f}, litellm;dur={waited:.3f}".encode()


_exchange: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def enter(exchange: Exchange) -> None:
    """Have what this task waits for count as another exchange than the one that began it."""
    _exchange.set(exchange)


def current() -> Exchange | None:
    """The exchange that is now served."""
    return _exchange.get()


def waited_upstream(seconds: float) -> None:
    """Note that the request now served has waited for LiteLLM."""
    if exchange := _exchange.get():
        exchange.upstream += seconds


def answered(headers: Mapping[str, str]) -> None:
    """Note what LiteLLM's headers say of a call of a model."""
    exchange = _exchange.get()
    if exchange is None or not (model := headers.get("x-litellm-model-group")):
        return
    exchange.model = model
    if cost := headers.get("x-litellm-response-cost"):
        with suppress(ValueError):
            exchange.cost = float(cost)


def said(answer: Any) -> None:
    """Note what an answer says of itself: a completion, its last chunk, or a message of Anthropic's."""
    exchange = _exchange.get()
    if exchange is None or not isinstance(answer, dict):
        return
    if isinstance(model := answer.get("model"), str):
        exchange.response_model = model
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else answer
    finish = (
        choice.get("finish_reason") or answer.get("stop_reason")
        if isinstance(choice, dict)
        else None
    )
    if isinstance(finish, str):
        exchange.finish = finish
    if isinstance(usage := answer.get("usage"), dict):
        _used(exchange, usage)


def _used(exchange: Exchange, usage: dict[str, Any]) -> None:
    asked = usage.get("prompt_tokens", usage.get("input_tokens"))
    written = usage.get("completion_tokens", usage.get("output_tokens"))
    exchange.input_tokens = asked if isinstance(asked, int) else exchange.input_tokens
    exchange.output_tokens = written if isinstance(written, int) else exchange.output_tokens
    if exchange.cost is None and isinstance(cost := usage.get("cost"), int | float):
        exchange.cost = float(cost)
