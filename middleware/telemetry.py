"""Request ids and structured logs: a line of JSON per request, without bodies, queries or keys."""

from __future__ import annotations

import logging
import re
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from middleware.errors import CallerGone, ServiceError

log = logging.getLogger("middleware")
_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._:/-]{1,128}")
_KEY = re.compile(r"sk-[\w-]+")


class Telemetry:
    """Gives each request an id, logs it when it ends, and renders errors that nobody else has rendered.

    An id that the caller sends in `x-request-id` is kept, so that a request can be followed from one
    system to the next.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        began, status, sent, note = time.perf_counter(), 0, 0, ""

        async def observed(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                message = {**message, "headers": headers}
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except CallerGone:
            note = "caller gone"
        except ServiceError as error:
            note = type(error).__name__
            if not status:
                await _send_error(error, observed)
        except Exception as error:
            note = type(error).__name__
            log.exception("unexpected error", extra={"request_id": request_id})
            if not status and scope["type"] == "http":
                await _send_error(ServiceError(), observed)
        finally:
            if log.isEnabledFor(logging.INFO):
                facts: dict[str, Any] = {
                    "request_id": request_id,
                    "method": scope.get("method", "WEBSOCKET"),
                    "path": _KEY.sub("sk-…", scope["path"]),
                    "status": status,
                    "ms": round((time.perf_counter() - began) * 1000, 2),
                    "bytes": sent,
                }
                log.info("request", extra={**facts, "note": note} if note else facts)


class JsonFormatter(logging.Formatter):
    """One line of JSON per record: time, level, message, and what was given as `extra`."""

    _KNOWN = frozenset(vars(logging.makeLogRecord({})))

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _KEY.sub("sk-…", record.getMessage()),
        }
        line.update(
            (k, v) for k, v in vars(record).items() if k not in self._KNOWN and k != "color_message"
        )
        if record.exc_info:
            line["trace"] = _KEY.sub("sk-…", self.formatException(record.exc_info))
        return orjson.dumps(line, default=str).decode()


def configure_logging(level: str) -> None:
    """Send everything the process logs to standard output as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    log.setLevel(level.upper())
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ACCEPTABLE_ID.fullmatch(value):
            return str(value.decode())
    return uuid.uuid4().hex


async def _send_error(error: ServiceError, send: Send) -> None:
    body = error.as_openai()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **error.headers,
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})
