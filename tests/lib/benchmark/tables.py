"""Tables of records whose truth is known, without any server."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from gateway_lib.benchmark.records.columns import COLUMNS
from gateway_lib.benchmark.records.story import About, Health, Stage, attrs
from gateway_lib.benchmark.records.table import Record, frame_of

MODELS = ("small", "medium", "large")
TTFT_MS = {"small": 60.0, "medium": 90.0, "large": 140.0}
RIGHT = {"small": 0.7, "medium": 0.8, "large": 0.9}
COST = {"small": 1e-4, "medium": 3e-4, "large": 1e-3}


def table(
    n: int = 600,
    *,
    models: tuple[str, ...] = MODELS,
    seed: int = 1,
    rate: float = 30.0,
    slower: float = 1.0,
    dearer: float = 1.0,
    worse: float = 0.0,
    failing: float = 0.0,
    questions: int = 40,
    valid: bool = True,
    stages: int = 1,
    answers: bool = True,
) -> pd.DataFrame:
    """`n` requests, models in turn; every quantity follows from the arguments and the seed."""
    draw = np.random.default_rng(seed)
    number = np.arange(n)
    model = np.array(models)[number % len(models)]
    question = number // len(models) % questions
    base = pd.Series(model)
    due = np.cumsum(draw.exponential(1 / rate, n))
    ttft = base.map(TTFT_MS).to_numpy() * slower * draw.lognormal(0, 0.6, n)
    tokens = draw.integers(30, 120, n)
    gap = draw.lognormal(np.log(5), 0.2, n)
    ok = draw.random(n) >= failing
    # what is right depends on the question, so that repeats resemble each other
    hard = np.random.default_rng(99).random(questions)[question]
    right = draw.random(n) < np.clip(base.map(RIGHT).to_numpy() - worse + 0.3 * (0.5 - hard), 0, 1)
    lag = draw.exponential(0.2, n)
    total = ttft + gap * (tokens - 1)
    frame = _empty(n)
    frame["request"], frame["stage"], frame["rate_rps"] = number, number * stages // n, rate
    frame["model"] = pd.Categorical(model)
    frame["interface"] = pd.Categorical(["openai"] * n)
    frame["streamed"] = True
    frame["question"] = pd.Categorical([f"q{each:02d}" for each in question])
    frame["category"] = pd.Categorical(["general"] * n)
    frame["repeat"] = number // len(models) // questions
    frame["scheduled_s"], frame["sent_s"], frame["lag_ms"] = due, due + lag / 1000, lag
    frame["first_byte_s"] = due + ttft / 1000 * 0.9
    frame["first_token_s"] = np.where(ok, due + ttft / 1000, np.nan)
    frame["last_token_s"] = np.where(ok, due + total / 1000, np.nan)
    frame["done_s"] = due + np.where(ok, total, 30.0) / 1000
    frame["ttft_ms"] = np.where(ok, ttft, np.nan)
    frame["ttft_sent_ms"] = frame["ttft_ms"] - lag
    frame["total_ms"] = np.where(ok, total, 30.0)
    frame["total_sent_ms"] = frame["total_ms"] - lag
    frame["itl_ms"] = frame["itl_p50_ms"] = frame["tpot_ms"] = np.where(ok, gap, np.nan)
    frame["itl_max_ms"] = frame["itl_ms"] * 2
    frame["chunks"] = np.where(ok, tokens, 0)
    frame["ok"] = ok
    frame["status"] = pd.array(np.where(ok, 200, 503), dtype="Int16")
    frame["error_kind"] = pd.Categorical(np.where(ok, None, "http_503"))
    frame["error"] = pd.Series(np.where(ok, None, "HTTP 503: busy"), dtype=object)
    frame["tokens_in"] = pd.array([20] * n, dtype="Int32")
    frame["tokens_out"] = pd.array(np.where(ok, tokens, 0), dtype="Int32")
    frame["cost_usd"] = np.where(ok, base.map(COST) * dearer * (0.5 + tokens / 149), 0.0)
    frame["cost_source"] = pd.Categorical(["stream usage"] * n)
    frame["middleware_ms"], frame["litellm_ms"] = 0.8, 3.0
    frame["provider_ms"] = ttft * 0.8
    frame["upstream_ms"] = frame["provider_ms"] + 8.0
    frame["first_byte_s"] = frame["sent_s"] + (frame["upstream_ms"] + 0.8 + 1.5) / 1000
    if answers:
        words = np.where(right, "Lisbon it is", "Porto it is")
        frame["answer"] = pd.Series(np.where(ok, words, None), dtype="str")
        frame["answer_hash"] = pd.Series(np.where(ok, np.where(right, "a", "b"), None), dtype="str")
        frame["call_id"] = pd.Series([f"c{seed}-{each}" for each in number], dtype="str")
        frame["request_id"] = frame["call_id"]
    frame["correct"] = pd.array(np.where(ok, right, None), dtype="boolean")
    frame.attrs = attrs(story(frame, seed, rate, valid))
    return frame


def story(frame: pd.DataFrame, seed: int, rate: float, valid: bool = True) -> About:
    stages = [
        Stage(
            number=int(stage),
            rate_rps=rate,
            users=None,
            requested=len(part),
            achieved=len(part),
            seconds=float(part["done_s"].max() - part["scheduled_s"].min()),
        )
        for stage, part in frame.groupby("stage")
    ]
    return About(
        spec={"models": sorted(set(frame["model"])), "rate_rps": rate},
        seed=seed,
        target="http://localhost:4000",
        origin=datetime(2026, 3, 1, 12, tzinfo=UTC),
        stages=tuple(stages),
        health=tuple(health(stage=stage.number, valid=valid) for stage in stages),
    )


def health(shard: int = 0, *, stage: int = 0, valid: bool = True) -> Health:
    return Health(
        shard=shard,
        stage=stage,
        seconds=10,
        lag_p50_ms=0.2,
        lag_p95_ms=0.5,
        lag_p99_ms=0.9,
        lag_max_ms=2 if valid else 900,
        loop_lag_p95_ms=0.6,
        loop_lag_p99_ms=1,
        loop_lag_max_ms=3,
        cpu_share=0.2,
        cpu_wait_share=0.01,
        machine_share=0.4,
        load=1.0,
        valid=valid,
        reasons=() if valid else ("send lag p99 of 900 ms",),
    )


def _empty(n: int) -> pd.DataFrame:
    """As many rows as asked for, with every column in its type and without values where it may."""
    one = Record(
        request=0,
        model="m",
        interface="openai",
        streamed=True,
        question="q",
        scheduled_s=0.0,
        sent_s=0.0,
    )
    frame = frame_of([one])
    assert list(frame.columns) == [column.name for column in COLUMNS]
    return frame.loc[np.zeros(n, dtype=int)].reset_index(drop=True)
