"""Both arms, offline: every prompt goes to every arm, in random order, and prompts are what is compared."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from gateway_lib import failures
from gateway_lib.benchmark.costs.told_cost import response_cost
from gateway_lib.clients import async_openai_client
from gateway_lib.experiments.file import Experiment
from gateway_lib.settings import Settings
from middleware.experiments.definition import Arm

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Score = Callable[[str, str], Mapping[str, float]]
"""Of a prompt's name and an answer: values by their names, as feedback would be."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text that all arms answer; `name` is its unit in the analysis."""

    name: str
    text: str


async def collect_pairs(
    experiment: Experiment,
    prompts: Sequence[Prompt],
    settings: Settings | None = None,
    *,
    score: Score | None = None,
    concurrency: int = 8,
    seed: int = 0,
    quiet: bool = False,
) -> pd.DataFrame:
    """Ask, without streams, history, cache or retries.

    Args:
        experiment: Its arms' models, parameters and system texts; nothing of it is started.
        prompts: Each with a name of its own.
        settings: Which gateway, and whose key; those of the process when not given.
        score: Judges answers.
        concurrency: Calls under way at the same time, at most.
        seed: Of the order.
        quiet: No progress bar.

    Returns:
        Outcomes for `gateway_lib.experiments.analysis`, a row per call.
    """
    arms = experiment.routing.arms
    jobs = [(prompt, arm) for prompt in prompts for arm in arms]
    order = np.random.default_rng(seed).permutation(len(jobs))
    waiting = iter([jobs[i] for i in order])
    rows: list[dict[str, Any]] = []
    client = async_openai_client(settings, max_retries=0)
    with tqdm(total=len(jobs), desc="calls", unit="call", disable=quiet) as progress:

        async def work() -> None:
            for prompt, arm in waiting:  # all workers take from the same iterator
                rows.append(await _ask(client, prompt, arm, score))
                progress.update()

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(concurrency, len(jobs))):
                    group.create_task(work())
        finally:
            await client.close()
    frame = pd.DataFrame(rows)
    frame["version"] = 1
    return frame.sort_values("assigned_at", kind="stable", ignore_index=True)


async def _ask(
    client: AsyncOpenAI, prompt: Prompt, arm: Arm, score: Score | None
) -> dict[str, Any]:
    from openai import APIError, APIStatusError

    messages = [{"role": "system", "content": arm.system}] if arm.system else []
    messages.append({"role": "user", "content": prompt.text})
    apart = {"enable_history": False, "cache": {"no-cache": True, "no-store": True}}
    row: dict[str, Any] = {
        "request_id": f"offline-{uuid.uuid4().hex}",
        "unit": prompt.name,
        "pair": prompt.name,
        "arm": arm.name,
        "role": "answer",
        "assigned_at": datetime.now(UTC),
        "interface": "openai",
        "streamed": False,
        "ended": True,
        "status": None,
        "failed": True,
        "latency_ms": np.nan,
        "ttft_ms": np.nan,
        "input_tokens": np.nan,
        "output_tokens": np.nan,
        "output_ktokens": np.nan,
        "cost_usd": np.nan,
        "served_model": None,
        "fell_back": False,
    }
    create: Any = client.chat.completions.with_raw_response.create
    broken: failures.Errors = (APIError, *failures.of_openai().all)
    begun = time.perf_counter()
    try:
        raw = await create(model=arm.model, messages=messages, extra_body=apart, **arm.parameters)
        answer = raw.parse()
    except APIStatusError as error:
        return {**row, "status": error.status_code}
    except broken:
        return row
    row |= {
        "request_id": raw.headers.get("x-request-id", row["request_id"]),
        "status": 200,
        "failed": False,
        "latency_ms": 1000 * (time.perf_counter() - begun),
        "cost_usd": np.nan,
        "served_model": answer.model,
        "fell_back": raw.headers.get("x-litellm-attempted-fallbacks", "0") not in ("", "0"),
    }
    if (cost := response_cost(raw.headers)) is not None:
        row["cost_usd"] = cost
    if (usage := answer.usage) is not None:
        row |= {
            "input_tokens": usage.prompt_tokens,
            "output_tokens": usage.completion_tokens,
            "output_ktokens": usage.completion_tokens / 1000,
        }
    if score is not None:
        said = score(prompt.name, answer.choices[0].message.content or "")
        row |= {f"feedback.{name}": float(value) for name, value in said.items()}
    return row
