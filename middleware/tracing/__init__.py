"""Traces by OpenTelemetry, off until a collector is named. See docs/operations.md."""
