"""Request ids and structured logs: a line of JSON per request, without bodies, queries or keys."""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
import traceback
from collections.abc import Awaitable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("middleware")
_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._:/-]{1,128}")
_KEY = re.compile(r"sk-[\w-]+")


@dataclass(slots=True)
class Exchange:
    """What is known of a request while it is served; `scope["state"]["exchange"]`."""

    request_id: str
    began: float
    status: int = 0
    sent: int = 0
    note: str = ""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Headers that the answer gets, whoever gives it."""
    upstream: float = 0.0
    """Seconds waited for LiteLLM, until the headers of its answers were there."""

    def timing(self) -> bytes:
        """Where the time went until the answer began, as a Server-Timing header (W3C), in milliseconds."""
        whole = time.perf_counter() - self.began
        own, waited = (whole - self.upstream) * 1000, self.upstream * 1000
        return f"middleware;dur={own:.3f}, litellm;dur={waited:.3f}".encode()


_exchange: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def enter(exchange: Exchange) -> None:
    """Have what this task waits for count as another exchange than the one that began it."""
    _exchange.set(exchange)


def waited_upstream(seconds: float) -> None:
    """Note that the request now served has waited for LiteLLM."""
    if exchange := _exchange.get():
        exchange.upstream += seconds


class Telemetry:
    """Gives each request an id and logs it when it ends.

    An id that the caller sends in `x-request-id` is kept, so that a request can be followed from one
    system to the next.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        exchange = Exchange(_request_id(scope), time.perf_counter())
        scope.setdefault("state", {})["exchange"] = exchange
        _exchange.set(exchange)

        def observed(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.body":
                exchange.sent += len(message.get("body", b""))
            elif message["type"] == "http.response.start":
                exchange.status = message["status"]
                own = (
                    (b"x-request-id", exchange.request_id.encode()),
                    (b"server-timing", exchange.timing()),
                )
                message["headers"] = [*message.get("headers", ()), *own, *exchange.headers]
            return send(message)  # not awaited here: a coroutine less for every token of a stream

        try:
            await self._app(scope, receive, observed)
        finally:
            if log.isEnabledFor(logging.INFO):
                # past `logging`, whose records and locks cost more than everything else done here
                sys.stdout.write(_line(scope, exchange))
                sys.stdout.flush()


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


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ACCEPTABLE_ID.fullmatch(value):
            return str(value.decode())
    return secrets.token_hex(16)


def _line(scope: Scope, exchange: Exchange) -> str:
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
    return orjson.dumps(facts, option=orjson.OPT_APPEND_NEWLINE).decode()
