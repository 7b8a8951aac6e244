"""The load: bounded numbers of requests, as the OpenAI SDK and boto3 send them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle, islice

import aiohttp
import orjson

from bench.origin import CHUNKS, MODEL

_TOOL_SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "The city"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    },
    "required": ["city"],
}
_SYSTEM = (
    "You are the assistant of a travel agency. Answer in one paragraph, and say what is uncertain."
)
_TURNS = (
    ("user", "What should I pack for a week in Lisbon at the beginning of November?"),
    (
        "assistant",
        "Layers and a light rain jacket: days are mild, evenings cool, showers are usual.",
    ),
    ("user", "And is the weather this week as usual? Look it up, please, before you answer."),
)
_DESCRIPTION = "The weather of today and the next days in a city"


def _converse() -> bytes:
    spec = {
        "name": "weather",
        "description": _DESCRIPTION,
        "inputSchema": {"json": _TOOL_SCHEMA},
    }
    return orjson.dumps(
        {
            "system": [{"text": _SYSTEM}],
            "messages": [{"role": role, "content": [{"text": text}]} for role, text in _TURNS],
            "inferenceConfig": {"maxTokens": 500, "temperature": 0.2},
            "toolConfig": {"tools": [{"toolSpec": spec}], "toolChoice": {"auto": {}}},
        }
    )


def _chat(*, stream: bool) -> bytes:
    function = {"name": "weather", "description": _DESCRIPTION, "parameters": _TOOL_SCHEMA}
    body: dict[str, object] = {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": _SYSTEM},
            *({"role": role, "content": text} for role, text in _TURNS),
        ],
        "max_tokens": 500,
        "temperature": 0.2,
        "tools": [{"type": "function", "function": function}],
        "tool_choice": "auto",
    }
    return orjson.dumps({**body, "stream": True} if stream else body)


_OPENAI = {
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "authorization": "Bearer sk-bench-caller",
    "content-type": "application/json",
    "user-agent": "OpenAI/Python 2.54.0",
    "x-stainless-arch": "x64",
    "x-stainless-async": "false",
    "x-stainless-lang": "python",
    "x-stainless-os": "Linux",
    "x-stainless-package-version": "2.54.0",
    "x-stainless-read-timeout": "600",
    "x-stainless-retry-count": "0",
    "x-stainless-runtime": "CPython",
    "x-stainless-runtime-version": "3.11.7",
}
_BOTO3 = {
    "accept-encoding": "identity",
    "amz-sdk-invocation-id": "2f1d0a64-5f6e-4a73-9a4f-3f0b6d1f5b11",
    "amz-sdk-request": "attempt=1",
    "authorization": "Bearer sk-bench-caller",
    "content-type": "application/json",
    "user-agent": "Boto3/1.44.0 md/Botocore#1.44.0 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.7",
}


@dataclass(frozen=True, slots=True)
class Load:
    """Requests of one kind: how many, how many at a time, and how many units of work each is."""

    path: str
    headers: dict[str, str]
    bodies: list[bytes]
    """One for each request, of one run after the other, and again from the first when all were sent."""
    requests: int
    concurrency: int
    units: int = 1
    _coming: Iterator[bytes] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_coming", cycle(self.bodies))

    async def run(self, base: str) -> list[float]:
        """Send them all; returns their durations in seconds."""
        connector = aiohttp.TCPConnector(limit=self.concurrency)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
            left = iter(islice(self._coming, self.requests))

            async def one_connection() -> list[float]:
                return [await self._one(session, base, body) for body in left]

            taken = await asyncio.gather(*(one_connection() for _ in range(self.concurrency)))
        return [seconds for some in taken for seconds in some]

    async def _one(self, session: aiohttp.ClientSession, base: str, body: bytes) -> float:
        began = time.perf_counter()
        async with session.post(base + self.path, data=body, headers=self.headers) as response:
            await response.read()
            if response.status != 200:
                raise SystemExit(f"bench: {self.path} answered {response.status}")
        return time.perf_counter() - began


CHAT = Load("/v1/chat/completions", _OPENAI, [_chat(stream=False)], 300, 4)
CONVERSE = Load(f"/bedrock/model/{MODEL}/converse", _BOTO3, [_converse()], 300, 4)
CHAT_STREAM = Load("/v1/chat/completions", _OPENAI, [_chat(stream=True)], 20, 20, CHUNKS)
CONVERSE_STREAM = Load(
    f"/bedrock/model/{MODEL}/converse-stream", _BOTO3, [_converse()], 20, 20, CHUNKS
)


def continuing(sessions: list[str]) -> Load:
    """The same call as another turn of each of these conversations: its last message, and the session."""
    body = orjson.loads(CHAT.bodies[0])
    last = body["messages"][-1:]
    bodies = [
        orjson.dumps({**body, "session_id": session, "messages": last}) for session in sessions
    ]
    return replace(CHAT, bodies=bodies)
