"""Sending an answer while watching the client.

The response of every provider wire. Work and socket are watched together: when the client leaves,
the work is cancelled at once and the journal says so. A cut closes the socket in the middle of the
response, which ASGI has no message for; the server puts the transport into the scope for that.
The journal entry is closed before the last byte goes out, so whoever has the whole answer finds a
finished entry.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway_lib.simulator.engine import Engine
from gateway_lib.simulator.generation import Cut
from gateway_lib.simulator.journal import Entry
from gateway_lib.simulator.refusals import Refusal

TRANSPORT = "gateway_lib.simulator.transport"


class Last(bytes):
    """The final frame of a stream."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A response in one piece."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Stream:
    """A response in frames; the generator must end with a `Last`."""

    frames: AsyncIterator[bytes]
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


Work = Callable[[], Awaitable[Whole | Stream]]
RenderRefusal = Callable[[Refusal, Entry], Whole]


def receive(engine: Engine, request: Request, wire: str) -> Entry:
    """Open the journal entry of a request."""
    path = request.scope.get("raw_path", b"").decode() or request.url.path
    headers = [(name, value) for name, value in request.headers.items()]
    return engine.journal.receive(wire, request.method, path, request.url.query, headers)


class Exchange(Response):
    """Runs the work and sends its reply; see the module's text."""

    def __init__(self, engine: Engine, entry: Entry, work: Work, refused: RenderRefusal) -> None:
        self._engine = engine
        self._entry = entry
        self._work = work
        self._refused = refused
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._engine.journal.begin(self._entry)
        work = asyncio.create_task(self._deliver(send))
        left = asyncio.create_task(_client_left(receive))
        try:
            await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and self._entry.outcome == "running":
                work.cancel()
                self._engine.close(self._entry, "disconnected")
            await asyncio.gather(work, return_exceptions=True)
            if not work.cancelled() and isinstance(error := work.exception(), Cut):
                self._engine.close(self._entry, "cut")
                _hang_up(scope, abort=not error.args)
                await left
            elif not work.cancelled() and error is not None:
                self._engine.close(self._entry, "refused")
                raise error
        finally:
            work.cancel()
            left.cancel()

    async def _deliver(self, send: Send) -> None:
        try:
            reply = await self._work()
        except Refusal as refusal:
            await self._send_whole(send, self._refused(refusal, self._entry), refused=True)
            return
        if isinstance(reply, Whole):
            await self._send_whole(send, reply, refused=False)
        else:
            await self._send_stream(send, reply)

    async def _send_whole(self, send: Send, reply: Whole, *, refused: bool) -> None:
        headers = {"content-length": str(len(reply.body)), **reply.headers}
        self._entry.status = reply.status
        self._engine.close(self._entry, "refused" if refused else "done")
        await send(_start(reply.status, reply.media_type, headers))
        await send({"type": "http.response.body", "body": reply.body})

    async def _send_stream(self, send: Send, reply: Stream) -> None:
        started = False
        try:
            async for frame in reply.frames:
                if not started:
                    self._entry.status = 200
                    await send(_start(200, reply.media_type, reply.headers))
                    started = True
                last = isinstance(frame, Last)
                if last:
                    self._engine.close(self._entry, "done")
                await send({"type": "http.response.body", "body": frame, "more_body": not last})
        except Cut as cut:
            # What was sent must arrive before the connection ends, if anything was.
            raise Cut(*(("flush",) if started else ())) from cut


def _start(status: int, media_type: str, headers: Mapping[str, str]) -> dict[str, object]:
    fields = {"content-type": media_type, **headers}
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in fields.items()]
    return {"type": "http.response.start", "status": status, "headers": raw}


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _hang_up(scope: Scope, *, abort: bool) -> None:
    transport: asyncio.Transport = scope["extensions"][TRANSPORT]
    if abort:
        transport.abort()
    else:
        transport.close()
