"""Whether spans are made, which OpenTelemetry's standard variables say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from middleware.tracing.exporting import Exporting

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
HTTP = "http/protobuf"


class TracingRefused(ValueError):
    """The variables ask for what the service cannot do."""


def chosen(environment: Mapping[str, str]) -> Exporting | None:
    """Where spans go; None, and not even an import, where nobody collects them.

    Raises:
        TracingRefused: they are to go there by another protocol than OTLP over HTTP.
    """
    if not any(environment.get(name) for name in _ENDPOINTS):
        return None
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    exporter = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    if exporter == "none":
        return None
    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), HTTP)
    if exporter != "otlp" or protocol != HTTP:
        raise TracingRefused(
            f"traces go out by OTLP as {HTTP} only, not by {exporter} as {protocol}"
        )
    from middleware.tracing.exporting import Exporting

    return Exporting(environment)
