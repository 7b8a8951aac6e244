"""What the process logs: lines of JSON, without bodies, queries or keys."""

from __future__ import annotations

import logging
import re
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

import orjson
from starlette.types import Scope

from middleware.exchange import Exchange

log = logging.getLogger("middleware")
_KEY = re.compile(r"sk-[\w-]+")


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


def line_of(scope: Scope, exchange: Exchange) -> bytes:
    """The line of a request that has ended."""
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
