from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from types import SimpleNamespace

import pytest
import uvicorn
from uvicorn.server import ServerState

from middleware.corked import CorkedAnswers, cork


class Transport:
    def __init__(self) -> None:
        self.did: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.did.append(data)

    def close(self) -> None:
        self.did.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.did


def made() -> tuple[Transport, SimpleNamespace]:
    """A connection, and an answer on it that has not begun."""
    transport = Transport()
    cycle = SimpleNamespace(transport=transport)
    cork(cycle, asyncio.get_running_loop())
    return transport, cycle


async def test_a_head_goes_out_with_the_body_that_follows_at_once():
    transport, cycle = made()
    for data in (b"head", b"body", b"more"):
        cycle.transport.write(data)
    await asyncio.sleep(0)
    assert transport.did == [b"headbody", b"more"]


async def test_a_head_waits_for_no_body_that_comes_later():
    transport, cycle = made()
    cycle.transport.write(b"head")
    await asyncio.sleep(0)
    assert transport.did == [b"head"]
    cycle.transport.write(b"body")
    assert transport.did == [b"head", b"body"]


async def test_once_an_answer_has_begun_nothing_stands_before_its_connection():
    transport, cycle = made()
    for data in (b"head", b"body"):
        assert cycle.transport is not transport
        cycle.transport.write(data)
    assert cycle.transport is transport
    await asyncio.sleep(0)
    assert cycle.transport is transport


async def test_closing_sends_what_is_there():
    transport, cycle = made()
    cycle.transport.write(b"head")
    assert not cycle.transport.is_closing()
    cycle.transport.close()
    await asyncio.sleep(0)
    assert transport.did == [b"head", "closed"] and cycle.transport.is_closing()


async def test_an_empty_body_holds_no_head_back():
    transport, cycle = made()
    cycle.transport.write(b"head")
    cycle.transport.write(b"")
    assert transport.did == [b"head"]


@pytest.mark.parametrize("leaves", [True, False])
async def test_nothing_is_left_of_a_caller_who_leaves_before_his_answer(leaves):
    """A circle would stay until the collector comes by, with the request and its body."""
    served = []

    async def app(scope, receive, send):
        served.append(weakref.ref(send.__self__))
        await receive()
        if leaves:
            while (await receive())["type"] != "http.disconnect":
                pass
        else:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    gc.collect()
    gc.disable()
    try:
        await asked_once(app, answer=b"" if leaves else b"HTTP/1.1 204")
        assert len(served) == 1 and served[0]() is None
    finally:
        gc.enable()


async def asked_once(app, answer: bytes) -> None:
    """Send a request to `app` over a connection of its own, and leave; after its answer, if one is given."""
    config = uvicorn.Config(app, http=CorkedAnswers, log_config=None, lifespan="off")
    config.load()
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    await loop.connect_accepted_socket(lambda: CorkedAnswers(config, ServerState(), {}), ours)
    theirs.setblocking(False)
    await loop.sock_sendall(theirs, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    if answer:
        assert (await loop.sock_recv(theirs, 4096)).startswith(answer)
    theirs.close()
    for _ in range(20):
        await asyncio.sleep(0.01)
