"""AIPerf's `profile_export.jsonl`, a line per request, as the table of records."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import orjson
import pandas as pd

from gateway_lib.benchmark.meter import answer_headers
from gateway_lib.benchmark.meter.health import judged
from gateway_lib.benchmark.meter.reading import refusal_text
from gateway_lib.benchmark.plan.schedule import Plan, Planned
from gateway_lib.benchmark.plan.spec import Limits, Spec
from gateway_lib.benchmark.records.story import About, Health, Stage, attrs
from gateway_lib.benchmark.records.table import Record, frame_of
from gateway_lib.errors import MeterMissing

Line = dict[str, Any]


def read_export(path: Path, spec: Spec, plan: Plan, target: str) -> pd.DataFrame:
    """The records in AIPerf's export, each with the request of the plan that it was.

    AIPerf does not say when its schedule began. It is taken to be the latest moment at which no request
    would have been released before it was due, so lags are those behind its own most punctual one.

    Raises:
        MeterMissing: The export holds something else than this version of AIPerf writes.
    """
    try:
        lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
        asked = [(line, plan.requests[_number(line)]) for line in lines]
        zero = min(line["metadata"]["credit_issued_ns"] / 1e9 - (p.due_s or 0) for line, p in asked)
        records = [_record(line, planned, spec, plan, zero) for line, planned in asked]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise MeterMissing(f"{path.name}: not what AIPerf writes: {error!r}") from None
    kept = [record for record, (_, p) in zip(records, asked, strict=True) if p.recorded]
    return frame_of(kept, attrs(_story(kept, spec, plan, target, zero)))


def _number(line: Line) -> int:
    """Which request it was: entries of the data set are named session_000000 and so on."""
    return int(line["metadata"]["conversation_id"].rpartition("_")[2])


def _record(line: Line, planned: Planned, spec: Spec, plan: Plan, zero: float) -> Record:
    about = line["metadata"]
    trace = line.get("trace_data") or {}
    sent = about["request_start_ns"] / 1e9 - zero
    record = Record(
        request=planned.request,
        rate_rps=plan.rate_rps,
        model=planned.model,
        interface="openai",
        streamed=spec.stream,
        question=planned.prompt.id,
        category=planned.prompt.category,
        repeat=planned.repeat,
        scheduled_s=planned.due_s or 0.0,
        sent_s=sent,
        done_s=about["request_end_ns"] / 1e9 - zero,
        status=trace.get("response_status_code"),
    )
    headers = {name.lower(): value for name, value in (trace.get("response_headers") or {}).items()}
    answer_headers.take(record, headers)
    if about.get("request_ack_ns"):
        record.first_byte_s = about["request_ack_ns"] / 1e9 - zero
    if error := line.get("error"):
        _fail(record, error)
    else:
        _succeed(record, {name: metric["value"] for name, metric in line["metrics"].items()})
        answer_headers.take_cost(record, headers, None)
    return record


def _fail(record: Record, error: Line) -> None:
    code, kind = error.get("code"), str(error.get("type", ""))
    if code is not None:
        record.status, record.error_kind = int(code), f"http_{code}"
        record.error = refusal_text(str(error.get("message", "")).encode())
        return
    if "Timeout" in kind or "Cancel" in kind:
        record.error_kind = "timeout"
    else:
        record.error_kind = "incomplete" if record.first_byte_s is not None else "connection"
    record.error = str(error.get("message", kind))[:300]


def _succeed(record: Record, metrics: Line) -> None:
    record.ok, record.status = True, record.status or 200
    ttft = metrics.get("time_to_first_token")
    gaps = metrics.get("inter_chunk_latency") or []
    if ttft is None:  # not streamed
        record.first_token_s = record.last_token_s = record.done_s
        record.chunks = 1
    else:
        moments = list(accumulate([record.sent_s + ttft / 1000, *(gap / 1000 for gap in gaps)]))
        record.first_token_s, record.last_token_s = moments[0], moments[-1]
        record.chunks = len(moments)
        if gaps:
            record.itl_p50_ms, record.itl_max_ms = median(gaps), max(gaps)
    if "usage_completion_tokens" in metrics:
        record.tokens_in = int(metrics["usage_prompt_tokens"])
        record.tokens_out = int(metrics["usage_completion_tokens"])
        record.tokens_cached = int(metrics.get("usage_prompt_cache_read_tokens") or 0)
        record.tokens_source = "usage"


def _story(records: list[Record], spec: Spec, plan: Plan, target: str, zero: float) -> About:
    seconds = max(r.done_s for r in records) - min(r.scheduled_s for r in records)
    stage = Stage(
        number=0,
        rate_rps=plan.rate_rps,
        users=None,
        requested=plan.recorded,
        achieved=len(records),
        seconds=seconds,
    )
    return About(
        meter="aiperf",
        spec=spec.model_dump(mode="json"),
        seed=spec.seed,
        target=target,
        origin=datetime.fromtimestamp(zero, UTC),
        stages=(stage,),
        health=(_health(records, spec.limits, seconds),),
    )


def _health(records: list[Record], limits: Limits, seconds: float) -> Health:
    """What can be told of another meter's health: how late it sent, and no more."""
    late = np.array([record.sent_s - record.scheduled_s for record in records]) * 1000
    came = [r.first_token_s - r.scheduled_s for r in records if r.first_token_s is not None]
    ttft_ms = float(np.median(came)) * 1000 if came else 0.0
    p50, p95, p99 = (float(value) for value in np.percentile(late, (50, 95, 99)))
    seen = {"lag_p50_ms": p50, "lag_p95_ms": p95, "lag_p99_ms": p99}
    reasons = judged(seen, limits, {"lag": len(late)}, ttft_ms)
    return Health(
        shard=0,
        stage=0,
        seconds=seconds,
        lag_max_ms=float(late.max()),
        loop_lag_p95_ms=None,
        loop_lag_p99_ms=None,
        loop_lag_max_ms=None,
        cpu_share=None,
        cpu_wait_share=None,
        machine_share=None,
        load=os.getloadavg()[0],
        valid=not reasons,
        reasons=reasons,
        **seen,
    )
