"""Where calls are logged."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from gateway_lib.config.linting import known
from gateway_lib.config.linting.context import Context
from gateway_lib.config.linting.rule import Places, meant, rule
from gateway_lib.findings import Severity

_SERVICE = frozenset({"prometheus_system", "datadog", "otel"})
_FILTER = "gateway_lib.config.private_spans.first"
_LISTS = ("success_callback", "failure_callback", "callbacks")


@rule("callback/service-ignored", "a service_callback that LiteLLM does not have, such as s3")
def service_ignored(context: Context) -> Places:
    for key, name in _listed(context, "service_callback"):
        if name not in _SERVICE and "." not in name:
            yield (
                context.at("litellm_settings", "service_callback", key),
                f"LiteLLM sends nothing about its database and Redis to `{name}` and says nothing"
                " about it.",
                "Write `otel` (OpenTelemetry) or `prometheus_system` (Prometheus), or remove it.",
            )


@rule("callback/unknown", "a callback that LiteLLM does not have: nothing would be logged")
def unknown(context: Context) -> Places:
    for kind in _LISTS:
        for key, name in _listed(context, kind):
            if name not in known.callbacks() and "." not in name:
                close = meant(name, known.callbacks())
                yield (
                    context.at("litellm_settings", kind, key),
                    f"LiteLLM has no callback `{name}`, so that nothing goes there.",
                    f"Write `{close}`." if close else "Name one that LiteLLM has.",
                )


@rule("callback/s3-without-bucket", "logs to S3 without a bucket or region to put them in")
def s3_without_bucket(context: Context) -> Places:
    params = context.section("litellm_settings").get("s3_callback_params")
    given = params if isinstance(params, dict) else {}
    for kind in _LISTS:
        for key, name in _listed(context, kind):
            missing = [one for one in ("s3_bucket_name", "s3_region_name") if not given.get(one)]
            if name in ("s3", "s3_v2") and missing:
                yield (
                    context.at("litellm_settings", kind, key),
                    f"Calls are to be logged to S3, and {' and '.join(missing)} is not stated:"
                    " every log would be lost.",
                    f"Add `s3_callback_params: {{{missing[0]}: ...}}` to `litellm_settings`.",
                )
                return


@rule(
    "callback/failures-not-logged",
    "calls that succeed are logged somewhere and calls that fail are not",
    Severity.WARNING,
)
def failures_not_logged(context: Context) -> Places:
    settings = context.section("litellm_settings")
    names = {name for _, name in _listed(context, "success_callback")}
    failing = {name for _, name in _listed(context, "failure_callback")}
    for name in sorted(names & {"s3", "s3_v2"} - failing):
        if "failure_callback" not in settings or name not in failing:
            yield (
                context.at("litellm_settings", "success_callback"),
                f"Calls that fail are not logged to `{name}`.",
                f"Add `failure_callback: [{name}]`.",
            )


@rule("callback/spans-unfiltered", "traces of LiteLLM's that would hold what callers say")
def spans_unfiltered(context: Context) -> Places:
    filtered = [name for _, name in _listed(context, "callbacks")][:1] == [_FILTER]
    for kind in _LISTS:
        for key, name in _listed(context, kind):
            if name == "otel" and not filtered:
                yield (
                    context.at("litellm_settings", kind, key),
                    "LiteLLM's spans hold users, prompts' names and the words of errors.",
                    f"Write `callbacks: [{_FILTER}, otel]`: the first keeps them out of what is sent.",
                )


def _listed(context: Context, kind: str) -> Iterator[tuple[Hashable, str]]:
    value = context.section("litellm_settings").get(kind)
    if isinstance(value, str):
        yield None, value
    for index, one in enumerate(value if isinstance(value, list) else []):
        if isinstance(one, str):
            yield index, one


RULES = (service_ignored, unknown, s3_without_bucket, failures_not_logged, spans_unfiltered)
