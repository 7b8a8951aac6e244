"""Asking several models the same questions, in an order that favours none."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from tqdm import tqdm

from gateway_lib.benchmark.call import measured_call
from gateway_lib.clients import async_openai_client
from gateway_lib.errors import GatewayUnreachable, SettingsError
from gateway_lib.settings import PROJECT_ROOT
from gateway_lib.simulator.questions import Question, load_questions

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_SETS = PROJECT_ROOT / "config" / "questions"
_INSTRUCTION = "Answer in one short sentence."


def questions(name: str = "general", *, n: int | None = None, seed: int = 0) -> list[Question]:
    """Questions of a set, `n` of them drawn at random without repeats; all when `n` is null.

    Args:
        name: Name of a file in `config/questions`, or a path.
        n: How many.
        seed: Same seed, same questions.

    Raises:
        SettingsError: There is no such set, it is broken, or has fewer questions.
    """
    path = Path(name) if name.endswith(".jsonl") else _SETS / f"{name}.jsonl"
    try:
        every = list(load_questions(path).questions)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    if n is None:
        return every
    if not 1 <= n <= len(every):
        raise SettingsError(f"question set {name} has {len(every)} questions, asked for {n}")
    return random.Random(seed).sample(every, n)  # noqa: S311


async def measure(
    models: Sequence[str],
    asked: Sequence[Question],
    *,
    repeats: int = 1,
    concurrency: int = 2,
    warmups: int = 1,
    max_tokens: int = 128,
    seed: int = 0,
    client: AsyncOpenAI | None = None,
) -> pd.DataFrame:
    """Ask every model every question, streamed, and time each request.

    A fixed number of requests is under way at any time (closed loop), so a slow model is asked less
    often, not queued: read the times as latency at this concurrency, not under an arrival rate.

    Args:
        models: Names as the gateway knows them.
        asked: The questions.
        repeats: How often each question goes to each model.
        concurrency: Requests under way at the same time.
        warmups: Calls per model before the measurement, not recorded: the first pays for
            connections and imports.
        max_tokens: Upper limit of each answer.
        seed: Of the order of requests.
        client: One with `max_retries=0`; the gateway's own when not given.

    Returns:
        One row per request, errors included, in the order of sending: the fields of `Call` but the
        text, and `request`, `sent_s` (seconds since the start), `question`, `category`, `repeat`,
        `answer`, `correct` (null after an error).

    Raises:
        SettingsError: There is no model or question, or a number is too small.
        GatewayUnreachable: Not one request succeeded.
    """
    if not models or not asked:
        raise SettingsError("name at least one model and one question")
    if min(repeats, concurrency, max_tokens) < 1 or warmups < 0:
        raise SettingsError("repeats, concurrency and max_tokens have to be at least 1, warmups 0")
    plan = list(product(range(repeats), asked, models))
    random.Random(seed).shuffle(plan)  # noqa: S311
    own = client or async_openai_client(max_retries=0)
    try:
        for model in models:
            for _ in range(warmups):
                await measured_call(own, model, asked[0].question, max_tokens=max_tokens)
        frame = await _measured(own, plan, concurrency, max_tokens)
    finally:
        if client is None:
            await own.close()
    if not frame["ok"].any():
        raise GatewayUnreachable(f"every request failed, the first with {frame['error'][0]}")
    return frame


async def _measured(
    client: AsyncOpenAI,
    plan: Sequence[tuple[int, Question, str]],
    concurrency: int,
    max_tokens: int,
) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    waiting = iter(enumerate(plan))
    start = time.perf_counter()
    # The runner shows progress itself, and a bar would be left in the executed notebook.
    bar = tqdm(total=len(plan), unit="request", disable="GATEWAY_RUN_FOLDER" in os.environ)

    async def worker() -> None:
        for number, (repeat, question, model) in waiting:
            sent = time.perf_counter() - start
            prompt = f"{question.question}\n{_INSTRUCTION}"
            call = await measured_call(client, model, prompt, max_tokens=max_tokens)
            row = asdict(call)
            answer = row.pop("text")
            rows.append(
                {
                    "request": number,
                    "sent_s": sent,
                    "question": question.id,
                    "category": question.category,
                    "repeat": repeat,
                    **row,
                    "answer": answer,
                    "correct": question.accepts(answer) if call.ok else None,
                }
            )
            bar.update()

    with bar:
        await asyncio.gather(*(worker() for _ in range(concurrency)))
    frame = pd.DataFrame(rows).sort_values("request", ignore_index=True)
    return frame.astype(_TYPES)


_TYPES = {
    "status": "Int64",
    "tokens_in": "Int64",
    "tokens_out": "Int64",
    "ttft_ms": "float64",
    "itl_p50_ms": "float64",
    "cost_usd": "float64",
    "correct": "boolean",
    "error": "str",
}
