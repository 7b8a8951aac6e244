"""A provider with known truth: it waits exactly as long as its constants say."""

import asyncio
import json

import pytest
from aiohttp import web
from openai import AsyncOpenAI

TTFT_S, ITL_S, CHUNKS = 0.080, 0.010, 12


def _event(**fields) -> bytes:
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m", **fields}
    return f"data: {json.dumps(chunk)}\n\n".encode()


def _delta(finish: str | None = None, **delta) -> bytes:
    return _event(choices=[{"index": 0, "delta": delta, "finish_reason": finish}])


class Provider:
    """Answers by the name of the model; remembers what it was asked, in order."""

    def __init__(self) -> None:
        self.asked: list[dict] = []
        self.under_way = 0
        self.most_under_way = 0

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return await self._answer(request, body["model"])
        finally:
            self.under_way -= 1

    async def _answer(self, request: web.Request, model: str) -> web.StreamResponse:
        if model == "throttled":
            error = {"message": "slow down", "type": "rate_limit_error", "code": "429"}
            return web.json_response({"error": error}, status=429)
        stream = web.StreamResponse(
            headers={
                "content-type": "text/event-stream",
                "x-request-id": "r-1",
                "x-litellm-model-id": "d-1",
                "x-litellm-response-cost": "9.9",
            }
        )
        await stream.prepare(request)
        await stream.write(_delta(role="assistant", content=""))
        await asyncio.sleep(TTFT_S)
        for number in range(CHUNKS):
            if number:
                await asyncio.sleep(ITL_S)
            await stream.write(_delta(content="Lisbon " if number == 0 else "word "))
            if model == "cut" and number == 5:
                request.transport.close()
                return stream
        if model == "endless":
            return stream
        await stream.write(_delta(finish="stop"))
        usage = {"prompt_tokens": 7, "completion_tokens": CHUNKS, "total_tokens": 7 + CHUNKS}
        cost = {} if model == "unpriced" else {"cost": 0.002}
        await stream.write(_event(choices=[], usage={**usage, **cost}))
        await stream.write(b"data: [DONE]\n\n")
        return stream


@pytest.fixture
async def provider():
    there = Provider()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", there.complete)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    there.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield there
    await runner.cleanup()


@pytest.fixture
async def client(provider):
    async with AsyncOpenAI(base_url=provider.url, api_key="x", max_retries=0) as made:
        yield made
