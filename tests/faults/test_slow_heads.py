"""Callers who never finish the head of a request, and processes that may have few files open."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from middleware.app import create_app
from middleware.intake.wire import BoundedHead
from middleware.settings import Settings
from tests.middleware.conftest import served

HEAD = b"GET /livez HTTP/1.1\r\nhost: gateway\r\n"


class Impatient(BoundedHead):
    head_seconds = 0.5


@pytest.fixture
async def address(postgres_url):
    settings = Settings(
        litellm_url="http://127.0.0.1:9", litellm_key="sk-service", database_url=postgres_url
    )
    async with served(create_app(settings), http=Impatient) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        yield host, int(port)


async def ends(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection ends, which it does."""
    async with asyncio.timeout(60):
        return await reader.read()


@pytest.mark.parametrize("head", [b"", b"GET /liv", HEAD], ids=["nothing", "half a line", "half"])
async def test_a_head_that_does_not_come_to_its_end_is_not_waited_for(address, head):
    reader, writer = await asyncio.open_connection(*address)
    writer.write(head)
    assert await ends(reader) == b""
    writer.close()


async def test_a_head_that_comes_a_byte_at_a_time_is_not_waited_for_either(address):
    reader, writer = await asyncio.open_connection(*address)

    async def dribble() -> None:
        writer.write(HEAD + b"x-long: ")
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.05)

    dribbling = asyncio.create_task(dribble())
    assert await ends(reader) == b""
    dribbling.cancel()
    writer.close()


async def test_the_second_head_of_a_connection_has_its_own_time_and_pauses_between_cost_nothing(
    address,
):
    reader, writer = await asyncio.open_connection(*address)
    for _ in range(2):
        writer.write(HEAD + b"\r\n")
        answer = await reader.readuntil(b'{"status":"live"}')
        assert answer.startswith(b"HTTP/1.1 200")
        done, _ = await asyncio.wait([asyncio.create_task(asyncio.sleep(1.0))])  # twice its time
        assert done and not reader.at_eof()
    writer.write(HEAD)
    assert await ends(reader) == b""
    writer.close()


def test_a_process_may_open_the_files_that_its_requests_need(repository):
    """Where its limit is lower and may be raised; else as many as it may."""
    code = """
import resource
from middleware.__main__ import allow_files
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1500))
allow_files(400)
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
allow_files(2000)
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=repository
    )
    assert run.stdout.split() == ["1000", "1500", "1500", "1500"]
