"""An upstream that shows what it received and answers as the path tells it."""

from __future__ import annotations

import asyncio
import gzip
import json
from urllib.parse import parse_qs

SLOW_MS = 80


class Origin:
    """An ASGI application; what it saw is in `requests` and `left`."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict] = []
        self.left: list[str] = []
        self.pieces: list[int] = []
        self.release = asyncio.Event()

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            return
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        body = await self._body(receive)
        self.requests.append(
            {
                "method": scope["method"],
                "raw_path": scope["raw_path"].decode(),
                "query": scope["query_string"].decode(),
                "headers": [(k.decode(), v.decode()) for k, v in scope["headers"]],
                "body": body,
            }
        )
        name = scope["path"].strip("/").split("/")[0]
        handler = getattr(self, f"_on_{name}", self._on_echo)
        await handler(scope, receive, send, body)

    async def _body(self, receive) -> bytes:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            self.pieces.append(len(message.get("body", b"")))
            if not message.get("more_body"):
                return body

    async def _on_echo(self, scope, receive, send, body) -> None:
        await _answer(send, 200, body or b"{}", [(b"content-type", b"application/octet-stream")])

    async def _on_health(self, scope, receive, send, body) -> None:
        await _answer(send, 200, json.dumps({"status": "healthy", "db": "connected"}).encode())

    async def _on_status(self, scope, receive, send, body) -> None:
        code = int(parse_qs(scope["query_string"].decode())["code"][0])
        headers = [
            (b"retry-after", b"7"),
            (b"x-litellm-model-id", b"m"),
            (b"x-request-id", b"theirs"),
        ]
        await _answer(
            send, code, b"" if code in (204, 304) else b'{"error": {"code": "x"}}', headers
        )

    async def _on_slow(self, scope, receive, send, body) -> None:
        await asyncio.sleep(SLOW_MS / 1000)
        await _answer(send, 200, b"at last")

    async def _on_gzip(self, scope, receive, send, body) -> None:
        await _answer(send, 200, gzip.compress(b"squeezed" * 50), [(b"content-encoding", b"gzip")])

    async def _on_cors(self, scope, receive, send, body) -> None:
        """Let every page in, as LiteLLM does."""
        headers = [
            (b"access-control-allow-origin", b"*"),
            (b"Access-Control-Allow-Credentials", b"true"),
            (b"access-control-expose-headers", b"*"),
        ]
        await _answer(send, 200, b"{}", headers)

    async def _on_redirect(self, scope, receive, send, body) -> None:
        await _answer(
            send,
            307,
            b"",
            [(b"location", b"/elsewhere"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")],
        )

    async def _on_stream(self, scope, receive, send, body) -> None:
        """Two events, the second only when the test says so."""
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"text/event-stream")],
            }
        )
        await send({"type": "http.response.body", "body": b"data: one\n\n", "more_body": True})
        waiting = asyncio.ensure_future(receive())
        released = asyncio.ensure_future(self.release.wait())
        await asyncio.wait((waiting, released), return_when=asyncio.FIRST_COMPLETED)
        released.cancel()
        if waiting.done():
            self.left.append(scope["path"])
            return
        waiting.cancel()
        await send({"type": "http.response.body", "body": b"data: two\n\n"})

    async def _on_cut(self, scope, receive, send, body) -> None:
        """Break off in the middle of a chunked response."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    async def _on_silent(self, scope, receive, send, body) -> None:
        message = await receive()
        assert message["type"] == "http.disconnect"
        self.left.append(scope["path"])

    async def _websocket(self, scope, receive, send) -> None:
        await receive()
        if scope["path"] == "/refused":
            await send({"type": "websocket.close", "code": 1008})
            return
        await send(
            {"type": "websocket.accept", "subprotocol": (scope["subprotocols"] or [None])[0]}
        )
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                self.left.append(scope["path"])
                return
            if message.get("text") == "bye":
                await send({"type": "websocket.close", "code": 4001})
                return
            if message.get("text") == "flood":
                await self._flood(scope, receive, send)
                return
            await send(
                {
                    "type": "websocket.send",
                    "text": message.get("text"),
                    "bytes": message.get("bytes"),
                }
            )

    async def _flood(self, scope, receive, send) -> None:
        """Send until the other side is gone."""
        leaving = asyncio.ensure_future(receive())
        while not leaving.done():
            sending = asyncio.ensure_future(
                send({"type": "websocket.send", "bytes": b"x" * 2**16, "text": None})
            )
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            sending.cancel()
        self.left.append(scope["path"])


async def _answer(send, status: int, body: bytes, headers=()) -> None:
    length = [(b"content-length", str(len(body)).encode())] if status not in (204, 304) else []
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})
