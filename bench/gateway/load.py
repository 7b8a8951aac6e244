"""The load on a whole gateway: chat completions of which no two are the same, so that no cache answers."""

from __future__ import annotations

import asyncio
import uuid

import aiohttp
import orjson

from bench.gateway.parts import MODEL
from bench.load import CHAT

CONNECTIONS = 4
_SECONDS = 300


async def calls(url: str, key: str, requests: int) -> None:
    """Send so many calls over `CONNECTIONS` connections, the next when one is answered.

    Raises:
        SystemExit: a call was refused; a gateway that refuses is not faster.
    """
    headers = {**CHAT.headers, "authorization": f"Bearer {key}"}
    left = iter(range(requests))
    limits = aiohttp.ClientTimeout(total=_SECONDS)
    async with aiohttp.ClientSession(f"{url}/", headers=headers, timeout=limits) as session:

        async def one_connection() -> None:
            for _ in left:
                async with session.post("v1/chat/completions", data=_body()) as answer:
                    text = await answer.text()
                    if answer.status != 200:
                        raise SystemExit(f"bench: LiteLLM answered {answer.status}: {text[:200]}")

        await asyncio.gather(*(one_connection() for _ in range(CONNECTIONS)))


def _body() -> bytes:
    body = orjson.loads(CHAT.bodies[0])
    *earlier, last = body["messages"]
    asked = {**last, "content": f"{uuid.uuid4().hex} {last['content']}"}
    return orjson.dumps({**body, "model": MODEL, "messages": [*earlier, asked]})
