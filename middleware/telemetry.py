"""Request ids and structured logs: a line of JSON per request, without bodies, queries or keys."""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from middleware.tracing.spans import Trace

log = logging.getLogger("middleware")
_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._:/-]{1,128}")
_KEY = re.compile(r"sk-[\w-]+")
_STREAMS = (b"text/event-stream", b"application/vnd.amazon.eventstream")
# An event with something that the model said: OpenAI's three protocols, Anthropic's, Converse's, and what
# InvokeModel makes of Anthropic's in base64.
_TOKEN = re.compile(
    rb'"(?:content|reasoning_content|refusal|arguments|thinking|text)": ?"[^"]|contentBlockDelta|'
    rb"content_block_delta|output_text\.delta|eyJ0eXBlIjoiY29udGVudF9ibG9ja19kZWx0"
)
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


class Tracing(Protocol):
    """Makes the spans of requests."""

    def begin(self, scope: Scope, exchange: Exchange) -> None:
        """Begin the span of a request."""

    def end(self, scope: Scope, exchange: Exchange) -> None:
        """End it."""


class Telemetry:
    """Gives each request an id, and logs, counts and, where there is a collector, traces it.

    An id that the caller sends in `x-request-id` is kept, so that a request can be followed from one
    system to the next.
    """

    def __init__(
        self,
        app: ASGIApp,
        ended: Callable[[Scope, Exchange], None],
        tracing: Tracing | None = None,
    ) -> None:
        """Stand before `app`; `ended` is told of each request's end, `tracing` of its beginning, too."""
        self._app = app
        self._ended = ended
        self._tracing = tracing
        self.active = 0
        """Requests under way, websockets included."""
        self.streams = 0
        """Those of them whose answer is a stream that has begun."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        exchange = Exchange(_request_id(scope), time.perf_counter())
        scope.setdefault("state", {})["exchange"] = exchange
        _exchange.set(exchange)

        def observed(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.body":
                piece = message.get("body", b"")
                exchange.sent += len(piece)
                if exchange.is_stream:
                    if not exchange.first and _TOKEN.search(piece):
                        exchange.first = time.perf_counter()
                    exchange.last = piece or exchange.last
            elif message["type"] == "http.response.start":
                exchange.status = message["status"]
                own = (
                    (b"x-request-id", exchange.request_id.encode()),
                    (b"server-timing", exchange.timing()),
                )
                given = message.get("headers", ())
                if _is_stream(given):
                    exchange.is_stream = True
                    self.streams += 1
                message["headers"] = [*given, *own, *exchange.headers]
            elif message["type"] == "websocket.accept":
                exchange.status = 101
            elif message["type"] == "websocket.close" and not exchange.status:
                exchange.status = 403  # with which the server refuses the handshake
            return send(message)  # not awaited here: a coroutine less for every token of a stream

        self.active += 1
        if self._tracing:
            self._tracing.begin(scope, exchange)
        try:
            await self._app(scope, receive, observed)
        finally:
            self.active -= 1
            self.streams -= exchange.is_stream
            self._ended(scope, exchange)
            if self._tracing:
                self._tracing.end(scope, exchange)
            if log.isEnabledFor(logging.INFO):
                # past `logging`, whose records and locks cost more than everything else done here
                try:
                    sys.stdout.buffer.write(_line(scope, exchange))
                    sys.stdout.buffer.flush()
                except OSError:  # a disk that is full costs the line, not the answer
                    pass


class JsonFormatter(logging.Formatter):
    """One line of JSON per record: time, level, message, and what was given as `extra`."""

    _KNOWN = frozenset((*vars(logging.makeLogRecord({})), "color_message"))

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _stamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _KEY.sub("sk-…", record.getMessage()),
        }
        line |= {k: v for k, v in vars(record).items() if k not in self._KNOWN}
        if record.exc_info and record.exc_info[1]:
            line["trace"] = "".join(_trace(record.exc_info[1]))
        return orjson.dumps(line, default=str).decode()


def _trace(error: BaseException) -> Iterator[str]:
    """Where an error happened and what led to it. Without messages: they may quote what a caller sent."""
    if cause := error.__cause__ or error.__context__:
        yield from _trace(cause)
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__name__}\n"


def configure_logging(level: str) -> None:
    """Send everything the process logs to standard output as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    log.setLevel(level.upper())
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def _stamp(seconds: float) -> str:
    return f"{_second(int(seconds))}.{int(seconds * 1000) % 1000:03}+00:00"


@lru_cache(maxsize=2)
def _second(since_1970: int) -> str:
    return datetime.fromtimestamp(since_1970, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _is_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    for name, value in headers:
        if name == b"content-type":
            return value.startswith(_STREAMS)
    return False


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ACCEPTABLE_ID.fullmatch(value):
            return str(value.decode())
    return next(_IDS)


def _drawn() -> Iterator[str]:
    """Ids that nobody can guess; the system is asked for 256 of them at a time."""
    length = 32
    while True:
        digits = secrets.token_hex(256 * length // 2)
        yield from (digits[begin : begin + length] for begin in range(0, len(digits), length))


_IDS = _drawn()


def _line(scope: Scope, exchange: Exchange) -> bytes:
    facts = {
        "time": _stamp(time.time()),
        "level": "info",
        "logger": log.name,
        "message": "request",
        "request_id": exchange.request_id,
        "method": scope.get("method", "WEBSOCKET"),
        "path": _KEY.sub("sk-…", scope["path"]),
        "status": exchange.status,
        "ms": round((time.perf_counter() - exchange.began) * 1000, 2),
        "bytes": exchange.sent,
    }
    if exchange.note:
        facts["note"] = exchange.note
    return orjson.dumps(facts, option=orjson.OPT_APPEND_NEWLINE)
