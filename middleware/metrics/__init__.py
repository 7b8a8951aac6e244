"""Metrics of the service, in Prometheus' text format: `GET /metricz`. See docs/operations.md.

Counted in each process since its start, as Prometheus expects it; a replica is scraped by itself. Names
follow OpenTelemetry's semantic conventions where those have one.
"""
