# ruff: noqa: E501 - a fault is a line
"""Callbacks and logs."""

from __future__ import annotations

from .fault import Fault, setting

FAULTS = [
    Fault(
        "traces with all that LiteLLM puts into them",
        "callback/spans-unfiltered",
        setting("litellm_settings", "  callbacks: [otel] !!\n"),
        "callbacks: [gateway_lib.config.private_spans.first, otel]",
    ),
    Fault(
        "the seed's service callback",
        "callback/service-ignored",
        setting("litellm_settings", "  service_callback:\n    - s3 !!\n"),
        "`otel` (OpenTelemetry) or `prometheus_system`",
    ),
    Fault(
        "a callback misspelt",
        "callback/unknown",
        setting("litellm_settings", "  success_callback:\n    - langsmit !!\n"),
        "`langsmith`",
    ),
    Fault(
        "logs without a bucket",
        "callback/s3-without-bucket",
        setting(
            "litellm_settings",
            "  success_callback:\n    - s3_v2 !!\n  failure_callback: [s3_v2]\n  s3_callback_params: {s3_region_name: us-east-1}\n",
        ),
        "s3_bucket_name",
    ),
    Fault(
        "failures that are not logged",
        "callback/failures-not-logged",
        setting(
            "litellm_settings",
            "  success_callback: [s3_v2] !!\n  s3_callback_params: {s3_bucket_name: b, s3_region_name: us-east-1}\n",
        ),
        "failure_callback: [s3_v2]",
    ),
]
