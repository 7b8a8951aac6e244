from __future__ import annotations

import asyncio
from types import SimpleNamespace

from middleware.corked import Corked


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
    Corked(cycle, asyncio.get_running_loop())
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
