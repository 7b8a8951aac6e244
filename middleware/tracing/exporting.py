"""Where spans go: over OTLP/HTTP, from a thread and a bounded queue of their own.

All of it is set by OpenTelemetry's standard variables: OTEL_EXPORTER_OTLP_*, OTEL_TRACES_SAMPLER, OTEL_BSP_*,
OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES. This module is imported only where there is a collector.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer

from middleware import __version__
from middleware.metrics.instruments import SPANS

SERVICE = "gateway-middleware"
CLOSING_SECONDS = 5.0
"""How long the last spans may take to be sent when the service stops."""
_ENDED, _EXPORTED, _FAILED = map(SPANS.labels, ("ended", "exported", "failed"))


class Exporting:
    """The spans of one application. No provider of the process's own is set."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        name = environment.get("OTEL_SERVICE_NAME") or SERVICE
        # what is dropped when the queue is full is what was ended, but neither exported nor failed
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": name, "service.version": __version__}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(_Batches(_Counted(OTLPSpanExporter())))

    @property
    def tracer(self) -> Tracer:
        return self._provider.get_tracer("middleware", __version__)

    async def close(self) -> None:
        """Send what is left, for as long as that may take."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            try:
                loop.call_soon_threadsafe(done.set)
            except RuntimeError:
                return  # nobody waited any longer

        # a daemon: a collector that does not answer must not hold the process
        threading.Thread(target=shut_down, daemon=True).start()
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await done.wait()
        except TimeoutError:
            return


class _Batches(BatchSpanProcessor):
    """Counts what comes into the queue."""

    def on_end(self, span: ReadableSpan) -> None:
        if span.context and span.context.trace_flags.sampled:
            _ENDED.inc()
        super().on_end(span)


class _Counted(SpanExporter):
    """Counts what goes out of it."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        went = result is SpanExportResult.SUCCESS
        (_EXPORTED if went else _FAILED).inc(len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
