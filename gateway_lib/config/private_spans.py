"""Keeps what callers say out of LiteLLM's spans: only attributes that hold none of it go on.

LiteLLM puts into its spans what a caller sent beside the messages, who he is, and the words of errors, which
quote requests. It makes its spans with the provider of the process where there is one, so this module sets
one whose exporter passes on what is on a list. The configuration names it before LiteLLM's own callback::

    litellm_settings:
      callbacks: [gateway_lib.config.private_spans.first, otel]

The LiteLLM image holds this module as it is; it needs nothing of the workbench.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from litellm.integrations.custom_logger import CustomLogger
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from opentelemetry.util.types import AttributeValue

SERVICE = "litellm"
_KEPT = frozenset(
    (
        "call_type",
        "code.function.name",
        "db.collection.name",
        "db.namespace",
        "db.operation.name",
        "db.system",
        "db.system.name",
        "error.code",
        "error.llm_provider",
        "error.type",
        "exception.type",
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.response.finish_reasons",
        "gen_ai.response.id",
        "gen_ai.response.model",
        "gen_ai.system",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "litellm.call_id",
        "litellm.model_group",
        "litellm.preprocessing.duration_ms",
        "litellm.provider.model",
        "litellm.service.caller",
        "llm.is_streaming",
        "llm.request.type",
        "network.protocol.version",
        "server.address",
        "server.port",
        "service",
        "table_name",
        "url.scheme",
    )
)
_KEPT_PREFIXES = ("gen_ai.usage.", "gen_ai.cost.")
_REQUEST = "litellm_request"
# LiteLLM lets callers name the others, and names those of its administration by their path, with keys in it
_NAMES = frozenset(
    (
        "Failed Proxy Server Request",
        "Received Proxy Server Request",
        _REQUEST,
        "guardrail",
        "raw_gen_ai_request",
    )
)


class Private(SpanExporter):
    """Passes on to another exporter what may be known."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([stripped(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()


def stripped(span: ReadableSpan) -> ReadableSpan:
    """The span without what a caller may have said, and without the words of errors."""
    return ReadableSpan(
        name=_name(span),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_kept(span.attributes),
        events=[Event(e.name, _kept(e.attributes), e.timestamp) for e in span.events],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _name(span: ReadableSpan) -> str:
    given = span.attributes or {}
    if span.name in _NAMES or span.name == given.get("service"):
        return span.name
    return _REQUEST if any(key.startswith("gen_ai.") for key in given) else "other"


def _kept(attributes: Mapping[str, AttributeValue] | None) -> dict[str, AttributeValue]:
    given = attributes or {}
    return {k: v for k, v in given.items() if k in _KEPT or k.startswith(_KEPT_PREFIXES)}


def _install() -> CustomLogger:
    name = os.environ.get("OTEL_SERVICE_NAME") or SERVICE
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    if os.environ.get("OTEL_TRACES_EXPORTER") != "none":
        provider.add_span_processor(BatchSpanProcessor(Private(OTLPSpanExporter())))
    trace.set_tracer_provider(provider)
    return CustomLogger()


first = _install()
"""A callback that does nothing: what there is to do is done when LiteLLM loads it."""
