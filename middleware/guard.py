"""Turns the service's errors into answers, in the protocol of the interface they happen in."""

from __future__ import annotations

import logging
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from middleware.errors import CallerGone, ServiceError
from middleware.exchange import Exchange

log = logging.getLogger("middleware")


Render = Callable[[ServiceError, str], tuple[int, dict[str, str], bytes]]


class Guard:
    """Wraps an application. After the first byte only a broken connection can still report an error."""

    def __init__(self, app: ASGIApp, render: Render) -> None:
        """Guard `app`.

        Args:
            app: what may raise.
            render: status, headers and body of an error, in the interface's own protocol.
        """
        self._app = app
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope["state"]["exchange"]
        try:
            await self._app(scope, receive, send)
        except CallerGone:
            exchange.note, exchange.error = "caller gone", CallerGone.__name__
        except ServiceError as error:
            exchange.note = exchange.error = type(error).__name__
            await self._answer(error, exchange, scope, send)
        except Exception as error:
            exchange.note = exchange.error = type(error).__name__
            log.exception("unexpected error", extra={"request_id": exchange.request_id})
            await self._answer(ServiceError(), exchange, scope, send)

    async def _answer(
        self, error: ServiceError, exchange: Exchange, scope: Scope, send: Send
    ) -> None:
        if exchange.status or scope["type"] != "http":
            return
        status, headers, body = self._render(error, exchange.request_id)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        raw.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body, "more_body": False})
