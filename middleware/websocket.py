"""WebSockets through the front door: LiteLLM's realtime API and its admin UI use them."""

from __future__ import annotations

import asyncio

import aiohttp
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from middleware.passthrough import NOT_FORWARDED, forwarded_headers, target
from middleware.upstream import Upstream

_TRY_AGAIN_LATER = 1013
_NOT_FORWARDED = NOT_FORWARDED | {
    b"sec-websocket-key",
    b"sec-websocket-version",
    b"sec-websocket-extensions",
    b"sec-websocket-protocol",
}


class WebSocketRelay:
    """An ASGI application that relays messages both ways until one side closes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        upstream: Upstream = scope["app"].state.upstream
        caller = WebSocket(scope, receive, send)
        headers = forwarded_headers(scope, _NOT_FORWARDED)
        try:
            async with upstream.websocket(
                target(scope), headers, tuple(scope["subprotocols"])
            ) as other:
                await caller.accept(subprotocol=other.protocol)
                await _relay(caller, other)
        except aiohttp.WSServerHandshakeError as error:
            await caller.close(3000 if error.status in (401, 403) else _TRY_AGAIN_LATER)
        except (aiohttp.ClientError, TimeoutError):
            await caller.close(_TRY_AGAIN_LATER)


async def _relay(caller: WebSocket, other: aiohttp.ClientWebSocketResponse) -> None:
    """Copy messages in both directions; the first side to close ends the other."""

    async def to_upstream() -> None:
        try:
            while True:
                message = await caller.receive()
                if message["type"] == "websocket.disconnect":
                    await other.close(code=message.get("code") or 1000)
                    return
                if (text := message.get("text")) is not None:
                    await other.send_str(text)
                else:
                    await other.send_bytes(message["bytes"])
        except WebSocketDisconnect:
            await other.close()

    async def to_caller() -> None:
        async for message in other:
            if message.type is aiohttp.WSMsgType.TEXT:
                await caller.send_text(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                await caller.send_bytes(message.data)
        if not inward.done():
            await caller.close(other.close_code or 1000)

    inward = asyncio.create_task(to_upstream())
    try:
        await to_caller()
    finally:
        inward.cancel()
