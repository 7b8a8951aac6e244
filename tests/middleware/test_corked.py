from __future__ import annotations

import asyncio

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


def made() -> tuple[Transport, Corked]:
    transport = Transport()
    return transport, Corked(transport, asyncio.get_running_loop())


async def test_a_head_goes_out_with_the_body_that_follows_at_once():
    transport, corked = made()
    for data in (b"head", b"body", b"more"):
        corked.write(data)
    await asyncio.sleep(0)
    assert transport.did == [b"headbody", b"more"]


async def test_a_head_waits_for_no_body_that_comes_later():
    transport, corked = made()
    corked.write(b"head")
    await asyncio.sleep(0)
    assert transport.did == [b"head"]
    corked.write(b"body")
    assert transport.did == [b"head", b"body"]


async def test_closing_sends_what_is_there():
    transport, corked = made()
    corked.write(b"head")
    assert not corked.is_closing()
    corked.close()
    await asyncio.sleep(0)
    assert transport.did == [b"head", "closed"] and corked.is_closing()


async def test_an_empty_body_holds_no_head_back():
    transport, corked = made()
    corked.write(b"head")
    corked.write(b"")
    assert transport.did == [b"head"]
