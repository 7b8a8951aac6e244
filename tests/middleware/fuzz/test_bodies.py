"""Fuzzed bodies on every route: an answer in the caller's protocol, without inner details, whatever came."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest

from middleware.app import create_app
from middleware.logs import JsonFormatter
from middleware.settings import Settings
from tests.middleware.conftest import opened, served
from tests.middleware.history.litellm import MASTER

from .routes import ADMINISTERED, ROUTES, Sent, sent
from .upstream import ADMIN, KEY, MARK, Upstream

AT_ONCE = 8
# what may be said of the parts behind the gateway, where they fail; nothing that is sent here makes them fail
INNER = re.compile(
    rb"Traceback|File \"|\.py\b|Exception: |psycopg|asyncpg|sqlalchemy|pydantic|aiohttp|127\.0\.0\.1|"
    rb"sk-of-an|localhost|errors\.pydantic"
)


@dataclass
class Gateway:
    url: str
    unexpected: list[str] = field(default_factory=list)
    """What the service logged about errors that it had not foreseen."""


class _Sink(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(JsonFormatter().format(record))


@pytest.fixture(scope="module")
async def gateway(postgres) -> AsyncIterator[Gateway]:
    postgres.ensure_database("fuzzed")
    sink = _Sink()
    loggers = [logging.getLogger(name) for name in ("middleware", "uvicorn.error", "asyncio")]
    async with served(Upstream()) as upstream:
        settings = Settings(
            litellm_url=upstream, litellm_key=MASTER, database_url=postgres.url("fuzzed")
        )
        async with served(create_app(settings), server_header=False) as url:
            await opened(url)
            for logger in loggers:
                logger.addHandler(sink)
            yield Gateway(url, sink.lines)
            for logger in loggers:
                logger.removeHandler(sink)


@pytest.mark.parametrize("route", ROUTES)
async def test_three_hundred_bodies(gateway, route):
    await all_answered(gateway, route, range(300))


@pytest.mark.faults
@pytest.mark.parametrize("route", ROUTES)
async def test_ten_thousand_bodies(gateway, route):
    await all_answered(gateway, route, range(300, 10_300))


async def all_answered(gateway: Gateway, route: str, numbers: range) -> None:
    wrong: list[str] = []
    statuses: Counter[int] = Counter()
    left = iter(numbers)
    key = ADMIN if ADMINISTERED(route) else KEY

    async def some(session: aiohttp.ClientSession) -> None:
        for number in left:
            request = sent(route, number, key)
            status, mistake = await answered(session, gateway, request)
            statuses[status] += 1
            if mistake:
                wrong.append(f"{request}\n    {mistake}")

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(some(session) for _ in range(AT_ONCE)))
        async with session.get(f"{gateway.url}/readyz") as alive:
            assert alive.status == 200
    assert not wrong, f"{len(wrong)} answers:\n" + "\n".join(wrong[:6])
    assert not gateway.unexpected, gateway.unexpected[:3]
    assert len(statuses) > 1 and statuses[400], statuses


async def answered(
    session: aiohttp.ClientSession, gateway: Gateway, request: Sent
) -> tuple[int, str]:
    """The status of the answer, and what is wrong with it."""
    method, path = request.route.split(" ")
    sent = io.BytesIO(request.body) if request.body else None  # the client warns of large bytes
    async with session.request(
        method, gateway.url + path, data=sent, headers=request.headers
    ) as response:
        try:
            data = await response.read()
        except aiohttp.ClientError as error:
            return response.status, f"the answer broke off: {error!r}"
        if found := INNER.search(data):
            return response.status, f"{response.status} tells {found[0]!r}: {data[:400]!r}"
        if MARK in response.headers:
            return response.status, ""
        if response.status >= 500:
            return response.status, f"{response.status} {data[:400]!r}"
        if response.status >= 400:
            return response.status, in_no_protocol(path, response, data)
        return response.status, ""


def in_no_protocol(path: str, response: aiohttp.ClientResponse, data: bytes) -> str:
    """Why an error is none of the interface's."""
    try:
        found = json.loads(data)
        if path.startswith("/bedrock/"):
            good = response.headers["x-amzn-errortype"].endswith("Exception") and found["message"]
        else:
            good = found["error"]["message"] and found["error"]["type"]
    except (ValueError, KeyError, TypeError):
        good = False
    return "" if good else f"{response.status} {dict(response.headers)} {data[:300]!r}"
