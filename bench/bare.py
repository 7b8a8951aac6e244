"""The reference: the least that a Python process can do to pass a request on and its answer back.

Plain ASGI and one pooled client; no ids, no log, no errors, no care for callers that leave.
"""

from __future__ import annotations

import os

import aiohttp
from starlette.types import ASGIApp, Receive, Scope, Send
from yarl import URL

_OF_A_CONNECTION = frozenset((b"host", b"content-length", b"connection", b"transfer-encoding"))


def create_app() -> ASGIApp:
    """The ASGI application, before the upstream in the environment variable BENCH_UPSTREAM."""
    base = os.environ["BENCH_UPSTREAM"]
    session: aiohttp.ClientSession | None = None

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal session
        if scope["type"] != "http":
            return
        session = session or aiohttp.ClientSession(auto_decompress=False)
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {
            name.decode(): value.decode()
            for name, value in scope["headers"]
            if name not in _OF_A_CONNECTION
        }
        url = URL(base + scope["path"], encoded=True)
        async with session.request(scope["method"], url, data=body, headers=headers) as response:
            kept = [
                (name, value)
                for name, value in response.raw_headers
                if name.lower() not in (b"connection", b"transfer-encoding")
            ]
            start = {"type": "http.response.start", "status": response.status, "headers": kept}
            await send(start)
            async for piece in response.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    return app
