"""An upstream that stops where it is told to: before the first byte, within a body, or after every word."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.middleware.history.litellm import LiteLLM, answer, chunk, completion, event

TEXT = "one two three"


class Stopping(LiteLLM):
    """Answers `TEXT`, and stops at `stop`: "", "before", "within" (for good), "dribble" (a byte at a time),
    "half" (it ends there as if that were all), "cut" (the connection breaks) or "flood" (for ever)."""

    def __init__(self) -> None:
        super().__init__()
        self.stop = ""
        self.running = self.most = self.left = 0
        self._going = asyncio.Event()

    def go_on(self) -> None:
        """Let everything that stands go on to its end."""
        self._going.set()

    async def _complete(self, receive: Any, send: Any, request: dict[str, Any]) -> None:
        self.asked.append(request)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if self.stop == "before" and not await self._stood(receive):
                return
            if request.get("stream"):
                await self._speak(receive, send)
            elif self.stop in ("within", "half", "cut", "dribble"):
                await self._part(receive, send)
            else:
                await answer(send, 200, completion(TEXT))
        finally:
            self.running -= 1

    async def _speak(self, receive: Any, send: Any) -> None:
        await send(_started(b"text/event-stream"))
        await event(send, chunk({"content": "one "}))
        if self.stop == "within" and not await self._stood(receive):
            return
        if self.stop == "flood":
            leaving = asyncio.ensure_future(receive())
            while not leaving.done():
                await event(send, chunk({"content": "word " * 2000}))
                await asyncio.sleep(0)
            self.left += 1
            return
        if self.stop in ("half", "cut"):
            half = b'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"tw'
            await send({"type": "http.response.body", "body": half, "more_body": True})
            if self.stop == "half":
                await send({"type": "http.response.body", "body": b""})
            return
        rest = b"".join(
            b"data: " + json.dumps(part).encode() + b"\n\n"
            for part in (chunk({"content": "two three"}), chunk({}, "stop"))
        )
        await self._send(send, rest + b"data: [DONE]\n\n")

    async def _part(self, receive: Any, send: Any) -> None:
        whole = json.dumps(completion(TEXT)).encode()
        await send(_started(b"application/json"))
        if self.stop == "dribble":
            await self._send(send, whole)
            return
        await send({"type": "http.response.body", "body": whole[:40], "more_body": True})
        if self.stop == "half":
            await send({"type": "http.response.body", "body": b""})
        elif self.stop == "within" and await self._stood(receive):
            await send({"type": "http.response.body", "body": whole[40:]})

    async def _send(self, send: Any, data: bytes) -> None:
        size = 1 if self.stop == "dribble" else len(data)
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            if size == 1:
                await asyncio.sleep(0.01)
        await send({"type": "http.response.body", "body": b""})

    async def _stood(self, receive: Any) -> bool:
        """Stand until told to go on; False where the caller left before."""
        going = asyncio.ensure_future(self._going.wait())
        leaving = asyncio.ensure_future(receive())
        await asyncio.wait((going, leaving), return_when=asyncio.FIRST_COMPLETED)
        left = not going.done()
        self.left += left
        going.cancel()
        leaving.cancel()
        return not left


def _started(content_type: bytes) -> dict[str, Any]:
    headers = [(b"content-type", content_type)]
    return {"type": "http.response.start", "status": 200, "headers": headers}
