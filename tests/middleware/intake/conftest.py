"""The service as it is served, before an upstream that shows what it got, and a raw socket to it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import pytest

from gateway_lib.local.postgres import Postgres
from middleware.app import create_app
from middleware.intake.wire import BoundedHead
from middleware.settings import Settings
from tests.middleware.conftest import opened, served
from tests.middleware.origin import Origin, _answer

OPENAI = "/v1/chat/completions"
BEDROCK = "/bedrock/model/claude/converse"
ANTHROPIC = "/v1/messages"


@dataclass
class Answer:
    status: int
    head: bytes
    body: bytes

    def code(self, path: str) -> str:
        """What the error is called in the protocol of a path; fails where it is in no protocol."""
        found, path = json.loads(self.body), unquote(path)
        if path.startswith("/bedrock/"):
            assert set(found) == {"message"}
            lines = self.head.decode().split("\r\n")
            return next(line for line in lines if line.startswith("x-amzn-errortype"))[17:].strip()
        assert set(found["error"]) >= {"message", "type"}
        assert (found.get("type") == "error") is path.startswith(ANTHROPIC)
        return found["error"].get("code") or found["error"]["type"]


class Wire:
    """Sends bytes as they are, and reads what comes until the other side closes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._place = urlsplit(url).hostname, urlsplit(url).port

    async def send(self, *pieces: bytes) -> bytes:
        """Everything that comes back; the other side has to close within the time."""
        reader, writer = await asyncio.open_connection(*self._place)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            async with asyncio.timeout(60):
                return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def ask(
        self, path: str, body: bytes = b"{}", *headers: bytes, method: bytes = b"POST"
    ) -> Answer:
        """One request with these lines as headers."""
        head = [
            b"%s %s HTTP/1.1" % (method, path.encode("latin-1")),
            b"host: gateway",
            b"authorization: Bearer sk-caller",
            b"content-length: %d" % len(body),
            b"connection: close",
            *headers,
        ]
        got = await self.send(b"\r\n".join(head) + b"\r\n\r\n" + body)
        head_got, _, body_got = got.partition(b"\r\n\r\n")
        return Answer(int(head_got[9:12] or 0), head_got, body_got)


Start = Callable[..., Awaitable[Wire]]


class Upstream(Origin):
    """It knows every key."""

    async def _on_key(self, scope, receive, send, body) -> None:
        known = b'{"info": {}}' if scope["method"] == "GET" else b"{}"
        await _answer(send, 200, known)


@dataclass
class Shared:
    """One service for the tests of a module; `start` makes others before the same upstream."""

    origin: Origin
    start: Start


@pytest.fixture(scope="module")
async def shared(postgres: Postgres) -> AsyncIterator[Shared]:
    name = f"intake_{secrets.token_hex(4)}"
    postgres.ensure_database(name)
    origin, running = Upstream(), {}
    async with AsyncExitStack() as stack:
        origin.url = await stack.enter_async_context(served(origin, ws="websockets-sansio"))

        async def start(**settings) -> Wire:
            key = str(settings)
            if key not in running:
                app = create_app(
                    Settings(
                        litellm_key="sk-service",
                        litellm_url=origin.url,
                        database_url=postgres.url(name),
                        history="off",
                        **settings,
                    )
                )
                options = {"server_header": False, "ws": "websockets-sansio", "http": BoundedHead}
                url = await stack.enter_async_context(served(app, **options))
                running[key] = Wire(await opened(url))
            return running[key]

        yield Shared(origin, start)


@pytest.fixture
async def origin(shared: Shared) -> Origin:
    shared.origin.requests.clear()
    return shared.origin


@pytest.fixture
async def start(shared: Shared, origin: Origin) -> Start:
    """Starts a service with the settings given."""
    return shared.start


@pytest.fixture
async def wire(start: Start) -> Wire:
    return await start()


def callers(origin: Origin) -> list[dict]:
    """The requests that reached the upstream, without the service's own."""
    return [each for each in origin.requests if _key(each) != "Bearer sk-service"]


def _key(request: dict) -> str:
    return dict(request["headers"]).get("authorization", "Bearer sk-service")
