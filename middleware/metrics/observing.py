"""Counts a request when it has ended. Labels are looked up once for each combination of theirs."""

from __future__ import annotations

import time
from functools import lru_cache

from starlette.types import Scope

from middleware.catalogue import Catalogue
from middleware.errors import CallerGone
from middleware.exchange import Exchange
from middleware.metrics import instruments, routes
from middleware.metrics.unlocked import Counter, Histogram

CALLER_LEFT = "499"


def request_ended(scope: Scope, exchange: Exchange) -> None:
    """Count a request, and the call of a model that it was."""
    seconds = time.perf_counter() - exchange.began
    route = routes.of(scope)
    status = str(exchange.status) if exchange.status else CALLER_LEFT
    _requests(routes.method_of(scope), route.template, status, route.interface).observe(seconds)
    if exchange.error == CallerGone.__name__ and exchange.is_done:
        exchange.error = ""  # clients close the connection upon [DONE], before the server has
    if exchange.error:
        _errors(exchange.error).inc()
    if exchange.model and route.operation:
        call_ended(scope, exchange, route.operation, seconds)


def call_ended(scope: Scope, exchange: Exchange, operation: str, seconds: float) -> None:
    """Count a call of a model, which LiteLLM has answered."""
    catalogue: Catalogue = scope["app"].state.catalogue
    model = catalogue.label(exchange.model)
    failed = exchange.error or (str(exchange.status) if exchange.status >= 400 else "")
    _calls(operation, model, failed).observe(seconds)
    if exchange.first:
        _first(operation, model).observe(exchange.first - exchange.began)
    if exchange.cost:
        _cost(model).inc(exchange.cost)
    taken, given = _tokens(operation, model)
    if exchange.input_tokens is not None:
        taken.observe(exchange.input_tokens)
    if exchange.output_tokens is not None:
        given.observe(exchange.output_tokens)
    elif not failed:
        _unknown(model).inc()


@lru_cache(maxsize=4096)
def _requests(method: str, template: str, status: str, interface: str) -> Histogram:
    return instruments.REQUESTS.labels(method, template, status, interface)


@lru_cache(maxsize=4096)
def _calls(operation: str, model: str, failed: str) -> Histogram:
    return instruments.CALLS.labels(operation, model, failed)


@lru_cache(maxsize=4096)
def _first(operation: str, model: str) -> Histogram:
    return instruments.FIRST_TOKEN.labels(operation, model)


@lru_cache(maxsize=4096)
def _tokens(operation: str, model: str) -> tuple[Histogram, Histogram]:
    """Of input and of output."""
    labels = instruments.TOKENS.labels
    return labels(operation, model, "input"), labels(operation, model, "output")


@lru_cache(maxsize=1024)
def _cost(model: str) -> Counter:
    return instruments.COST.labels(model)


@lru_cache(maxsize=1024)
def _unknown(model: str) -> Counter:
    return instruments.USAGE_UNKNOWN.labels(model)


@lru_cache(maxsize=1024)
def _errors(kind: str) -> Counter:
    return instruments.ERRORS.labels(kind)
