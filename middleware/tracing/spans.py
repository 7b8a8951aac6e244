"""The spans of a request: its own, LiteLLM's call, and what the databases were asked.

Attributes are those of OpenTelemetry's semantic conventions for HTTP and GenAI. No body, header, query or key
is one of them, and a path only as the template of its route.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from middleware.errors import CallerGone
from middleware.exchange import Exchange
from middleware.metrics import routes
from middleware.sending import Headers

_PROPAGATOR = TraceContextTextMapPropagator()
_HEADERS = (b"traceparent", b"tracestate")
_LEFT = CallerGone.__name__


class Spans:
    """Makes the spans of one application's requests."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def begin(self, scope: Scope, exchange: Exchange) -> None:
        """Begin a request's span, as part of the caller's trace where he names one."""
        sent = {n.decode(): v.decode("latin-1") for n, v in scope["headers"] if n in _HEADERS}
        span = self._tracer.start_span(
            routes.method_of(scope), _PROPAGATOR.extract(sent), SpanKind.SERVER
        )
        exchange.trace = Trace(self._tracer, span)

    def end(self, scope: Scope, exchange: Exchange) -> None:
        """End it, with what is known of the request now."""
        begun = exchange.trace
        if begun is None:
            return
        begun.end_call()
        span, method, route = begun.span, routes.method_of(scope), routes.of(scope)
        if span.is_recording():
            span.update_name(f"{method} {route.template}")
            span.set_attributes(_http(method, route.template, exchange.status))
            span.set_attribute("gateway.request_id", exchange.request_id)
            if exchange.model and route.operation:
                model = scope["app"].state.catalogue.label(exchange.model)
                span.set_attributes(_gen_ai(exchange, route.operation, model))
            if failed := exchange.error or (str(exchange.status) if exchange.status >= 500 else ""):
                span.set_attribute("error.type", failed)
                if failed != _LEFT and (exchange.status >= 500 or not exchange.status):
                    span.set_status(StatusCode.ERROR)
        span.end()


class Trace:
    """What a request's spans hang from; `exchange.trace`."""

    __slots__ = ("_call", "_tracer", "span")

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self.span = span
        self._tracer = tracer
        self._call: Span | None = None

    def begin_call(self, method: str, target: str, headers: Headers) -> Headers:
        """Begin a call of LiteLLM's, which ends with the answer's body; returns headers that name it."""
        self.end_call()
        template = routes.of({"path": target.partition("?")[0]}).template
        span = self._child(f"{method} {template}")
        span.set_attributes({"http.request.method": method, "url.template": template})
        self._call = span
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
        kept = [pair for pair in headers if pair[0] not in _HEADERS]
        return kept + [(name.encode(), value.encode("latin-1")) for name, value in carrier.items()]

    def call_answered(self, status: int) -> None:
        """Note the status that LiteLLM has sent."""
        if self._call:
            self._call.set_attribute("http.response.status_code", status)
            if status >= 400:
                self._call.set_attribute("error.type", str(status))
                self._call.set_status(StatusCode.ERROR)

    def call_failed(self, error: BaseException) -> None:
        """Note that LiteLLM did not answer."""
        if self._call:
            self._call.set_attribute("error.type", type(error).__name__)
            self._call.set_status(StatusCode.ERROR)

    def end_call(self) -> None:
        """End the call, if there is one."""
        if self._call:
            self._call.end()
            self._call = None

    def asked(self, system: str) -> AbstractContextManager[Any]:
        """A context: the time within it is that of a database's answer."""
        if not self.span.is_recording():
            return nullcontext()
        return _Asked(self._child(system), system)

    def _child(self, name: str) -> Span:
        parent = trace.set_span_in_context(self.span)
        return self._tracer.start_span(name, parent, SpanKind.CLIENT)


class _Asked:
    """A span that is no context of what is within: nothing there makes spans of its own."""

    def __init__(self, span: Span, system: str) -> None:
        self._span = span
        span.set_attribute("db.system.name", system)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: object, at: object) -> None:
        if kind:
            self._span.set_attribute("error.type", kind.__name__)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def _http(method: str, template: str, status: int) -> dict[str, Any]:
    found: dict[str, Any] = {"http.request.method": method, "http.route": template}
    return {**found, "http.response.status_code": status} if status else found


def _gen_ai(exchange: Exchange, operation: str, model: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "gen_ai.operation.name": operation,
        "gen_ai.request.model": model,
        "gen_ai.response.model": exchange.response_model or None,
        "gen_ai.response.finish_reasons": [exchange.finish] if exchange.finish else None,
        "gen_ai.usage.input_tokens": exchange.input_tokens,
        "gen_ai.usage.output_tokens": exchange.output_tokens,
    }
    if exchange.first:
        found["gen_ai.server.time_to_first_token"] = exchange.first - exchange.began
    return {name: value for name, value in found.items() if value is not None}
