"""How the endpoints that FastAPI serves answer errors: as the interface does whose path they are under."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from middleware.bedrock import errors, paths
from middleware.errors import InvalidRequest, MethodNotAllowed, ServiceError, render_openai
from middleware.exchange import Exchange


def install(app: FastAPI) -> None:
    """Have `app` answer every error in the caller's protocol."""
    app.add_exception_handler(ServiceError, _handler(lambda error: error))
    app.add_exception_handler(RequestValidationError, _handler(_invalid))
    app.add_exception_handler(HTTPException, _handler(_http))


def _handler(translated: Callable[[Any], ServiceError]) -> Callable[[Request, Exception], Response]:
    def handle(request: Request, error: Exception) -> Response:
        exchange: Exchange = request.scope["state"]["exchange"]
        on_bedrock = request.url.path.startswith(f"{paths.PREFIX}/")
        render = errors.render if on_bedrock else render_openai
        known = translated(error)
        exchange.note = exchange.error = type(known).__name__
        status, headers, body = render(known, exchange.request_id)
        return Response(body, status, headers)

    return handle


def _invalid(error: RequestValidationError) -> ServiceError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    return InvalidRequest(f"{where}: {first['msg']}." if where else f"{first['msg']}.")


def _http(error: HTTPException) -> ServiceError:
    return MethodNotAllowed(headers=error.headers)
