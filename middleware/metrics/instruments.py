"""Everything that is counted as it happens. What can be read when it is asked for is in `gauges`.

Labels have few values: routes by their template, models by a name that the catalogue knows, errors by their
class. No caller's text becomes one.
"""

from __future__ import annotations

import prometheus_client
from prometheus_client import disable_created_metrics

from middleware.metrics.unlocked import Counter, Histogram

disable_created_metrics()  # type: ignore[no-untyped-call]  # a line more for each of them, which nothing here asks for

MODEL = "gen_ai_request_model"
OPERATION = "gen_ai_operation_name"
_CALL = (OPERATION, MODEL)

# Of the semantic conventions for GenAI metrics, and two more for what LiteLLM may take in all.
_SECONDS = (
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
    *(163.84, 600.0),
)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304)
_WAITS = (0.001, 0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LAGS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

REQUESTS = Histogram(
    "http_server_request_duration_seconds",
    "Requests, and how long they took until the last byte, by the route that served them.",
    ("http_request_method", "http_route", "http_response_status_code", "interface"),
    registry=None,
    buckets=_SECONDS,
)
CALLS = Histogram(
    "gen_ai_server_request_duration_seconds",
    "Calls of models that LiteLLM has answered, and how long they took until the last byte.",
    (*_CALL, "error_type"),
    registry=None,
    buckets=_SECONDS,
)
FIRST_TOKEN = Histogram(
    "gen_ai_server_time_to_first_token_seconds",
    "Time until the first token of a streamed answer went to the caller.",
    _CALL,
    registry=None,
    buckets=_SECONDS,
)
TOKENS = Histogram(
    "gen_ai_client_token_usage",
    "Tokens of a call, as LiteLLM says them.",
    (*_CALL, "gen_ai_token_type"),
    registry=None,
    buckets=_TOKENS,
)
COST = Counter(
    "middleware_cost_dollars",
    "Dollars that calls did cost, as LiteLLM says them.",
    (MODEL,),
    registry=None,
)
USAGE_UNKNOWN = Counter(
    "middleware_usage_unknown",
    "Answered calls of models whose tokens LiteLLM has not said: a stream says them where it is asked to.",
    (MODEL,),
    registry=None,
)
ERRORS = Counter(
    "middleware_errors",
    "Requests that the service refused, or that broke off, by the kind of error.",
    ("error_type",),
    registry=None,
)
UPSTREAM_ERRORS = Counter(
    "middleware_upstream_errors",
    "Requests that LiteLLM did not answer (unavailable, timeout, broken), or answered with 429 or 5xx.",
    ("kind",),
    registry=None,
)
ADMISSION_WAIT = Histogram(
    "middleware_admission_wait_seconds",
    "How long calls waited for a slot of their model, where none was free.",
    (MODEL,),
    registry=None,
    buckets=_WAITS,
)
BOOKED = Counter(
    "middleware_budget_booked_dollars",
    "Dollars booked on budgets: by LiteLLM's answer, by its spend log, by the bound, or nothing.",
    ("source",),
    registry=None,
)
TURNS = Counter(
    "middleware_history_turns",
    "Turns of conversations by how they ended: complete, incomplete, or lost as the database was away.",
    ("outcome",),
    registry=None,
)
for _outcome in ("complete", "incomplete", "lost"):
    TURNS.labels(_outcome)  # there before the first one, so that an increase of one is seen
EXPOSURES = Counter(
    "middleware_experiment_exposures",
    "Calls that were assigned an arm of an experiment.",
    ("experiment", "arm", "role"),
    registry=None,
)
FAILED_OPEN = Counter(
    "middleware_guardrail_failed_open",
    "Calls that were served without a guardrail that they named, because it did not answer.",
    ("guardrail",),
    registry=None,
)
UNAVAILABLE = Counter(
    "middleware_guardrail_unavailable",
    "Calls that were not served because a guardrail did not answer.",
    ("guardrail",),
    registry=None,
)
BLOCKED = Counter(
    "middleware_guardrail_blocked",
    "Calls that a guardrail has blocked.",
    registry=None,
)
LAG = Histogram(
    "middleware_event_loop_lag_seconds",
    "How late a task ran that was due, twice a second: what every request waits for, too.",
    registry=None,
    buckets=_LAGS,
)
SPANS = prometheus_client.Counter(  # with locks: the exporter counts in a thread of its own
    "middleware_spans",
    "Spans of traces: ended, exported, failed. What is dropped from a full queue has only ended.",
    ("outcome",),
    registry=None,
)
INSTRUMENTS = (
    REQUESTS,
    CALLS,
    FIRST_TOKEN,
    TOKENS,
    COST,
    USAGE_UNKNOWN,
    ERRORS,
    UPSTREAM_ERRORS,
    ADMISSION_WAIT,
    BOOKED,
    TURNS,
    EXPOSURES,
    FAILED_OPEN,
    UNAVAILABLE,
    BLOCKED,
    LAG,
    SPANS,
)
