"""One streamed chat completion, timed where the client stands."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

import httpx
import openai

if TYPE_CHECKING:
    from openai import AsyncOpenAI


@dataclass(frozen=True)
class Call:
    """What one request brought; times in milliseconds from the moment before it was sent.

    Attributes:
        model: Name the request asked for.
        ok: Whether the stream came to its proper end.
        error: Type and message of what went wrong, else null.
        status: HTTP status; null when no response came.
        ttft_ms: Time to the first chunk with content (TTFT).
        total_ms: Time to the end of the stream, or to the error.
        itl_p50_ms: Median gap between chunks with content (ITL), where there are two or more.
        chunks: Chunks with content.
        tokens_in: Prompt tokens, as the gateway counted them.
        tokens_out: Completion tokens, as the gateway counted them.
        cost_usd: As the gateway priced it; null when it did not say.
        cost_source: Where the gateway said so.
        finish_reason: Why the model stopped.
        text: The answer.
        request_id: `x-request-id`, to find the request in the logs.
        deployment: `x-litellm-model-id`, which deployment served it.
    """

    model: str
    ok: bool
    error: str | None
    status: int | None
    ttft_ms: float | None
    total_ms: float
    itl_p50_ms: float | None
    chunks: int
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    cost_source: Literal["stream usage"] | None
    finish_reason: str | None
    text: str
    request_id: str | None
    deployment: str | None


@dataclass
class _Seen:
    """What of a stream has arrived so far."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    arrivals_ms: list[float] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    usage: Any = None

    def take(self, chunk: Any, now_ms: float) -> None:
        self.usage = chunk.usage or self.usage
        for choice in chunk.choices:
            self.finish_reason = choice.finish_reason or self.finish_reason
            if choice.delta.content:
                self.arrivals_ms.append(now_ms)
                self.pieces.append(choice.delta.content)


async def measured_call(
    client: AsyncOpenAI,
    model: str,
    prompt: str,
    *,
    max_tokens: int = 128,
    use_cache: bool = False,
) -> Call:
    """Ask a model one question, streamed; a failure is a result, not an exception.

    Args:
        client: Should have `max_retries=0`, else a retry hides in the time.
        model: Name as the gateway knows it.
        prompt: The user's message.
        max_tokens: Upper limit of the answer.
        use_cache: Whether the gateway may answer from its response cache.
    """
    seen, error = _Seen(), None
    start = time.perf_counter()
    try:
        response = await client.chat.completions.with_raw_response.create(
            model=model,
            messages=[{"role": "user", "content": prompt}],
            max_tokens=max_tokens,
            stream=True,
            stream_options={"include_usage": True},
            extra_body=None if use_cache else {"cache": {"no-cache": True}},
        )
        seen.status, seen.headers = response.status_code, response.headers
        async for chunk in response.parse():
            seen.take(chunk, (time.perf_counter() - start) * 1000)
        if seen.finish_reason is None:
            error = "IncompleteStream: it ended without a finish reason"
    except openai.APIStatusError as failure:
        seen.status, seen.headers = failure.status_code, failure.response.headers
        error = _described(failure)
    except (openai.OpenAIError, httpx.HTTPError) as failure:
        error = _described(failure)
    return _call(model, seen, error, (time.perf_counter() - start) * 1000)


def _described(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}"[:300]


def _call(model: str, seen: _Seen, error: str | None, total_ms: float) -> Call:
    times = seen.arrivals_ms
    gaps = [later - earlier for earlier, later in pairwise(times)]
    cost = stream_cost(seen.usage)
    return Call(
        model=model,
        ok=error is None,
        error=error,
        status=seen.status,
        ttft_ms=times[0] if times else None,
        total_ms=total_ms,
        itl_p50_ms=median(gaps) if gaps else None,
        chunks=len(times),
        tokens_in=seen.usage.prompt_tokens if seen.usage else None,
        tokens_out=seen.usage.completion_tokens if seen.usage else None,
        cost_usd=cost,
        cost_source="stream usage" if cost is not None else None,
        finish_reason=seen.finish_reason,
        text="".join(seen.pieces),
        request_id=seen.headers.get("x-request-id"),
        deployment=seen.headers.get("x-litellm-model-id"),
    )


def stream_cost(usage: Any) -> float | None:
    """Cost of a stream in USD, as LiteLLM adds it to the last chunk's usage."""
    cost = getattr(usage, "cost", None)
    return float(cost) if isinstance(cost, int | float) else None


def response_cost(headers: Mapping[str, str]) -> float | None:
    """Cost in USD of a response that was not streamed, from its header.

    The header of a stream goes out before its cost is known; use `stream_cost` there.
    """
    try:
        return float(headers["x-litellm-response-cost"])
    except (KeyError, ValueError):
        return None
