"""The usual way to measure, as a reference: an asyncio loop over the OpenAI SDK, one task per request.

`python -m bench.sdk_loop BASE_URL SPEC`: sends what the spec (JSON) plans, and prints the medians.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from openai import AsyncOpenAI

from gateway_lib.benchmark.plan.schedule import Planned, plans
from gateway_lib.benchmark.plan.spec import spec_of


async def main(base_url: str, document: str) -> None:
    spec = spec_of(json.loads(document))
    [plan] = plans(spec)
    took: list[float] = []
    async with AsyncOpenAI(base_url=f"{base_url}/v1", api_key="k", max_retries=0) as client:

        async def ask(planned: Planned, due: float) -> None:
            stream = await client.chat.completions.create(
                model=planned.model,
                messages=[{"role": "user", "content": planned.prompt.text}],
                max_tokens=spec.max_tokens,
                stream=True,
                stream_options={"include_usage": True},
            )
            first = None
            async for chunk in stream:
                if first is None and chunk.choices and chunk.choices[0].delta.content:
                    first = time.perf_counter()
            took.append((first or time.perf_counter()) - due)

        start, tasks = time.perf_counter(), []
        for planned in plan.requests:
            due = start + (planned.due_s or 0.0)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(ask(planned, due)))
        await asyncio.gather(*tasks)
    took.sort()
    print(json.dumps({"ttft_p50_ms": took[len(took) // 2] * 1000, "n": len(took)}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
