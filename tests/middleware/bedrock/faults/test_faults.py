"""Hostile requests and malformed answers: whatever comes, the service says in AWS's words what is wrong."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import aiohttp
import pytest
from yarl import URL

from middleware.app import create_app
from middleware.logs import JsonFormatter
from middleware.settings import Settings
from tests.contract.shapes import event_violations, response_violations
from tests.contract.strict import OPERATIONS
from tests.middleware.conftest import opened, served

from ..frames import read
from .broken import FAULTS
from .mutations import Hostile, hostile
from .origin import FaultyOrigin
from .seeds import ANTHROPIC, COUNTED, GUARDED, HELLO

AT_ONCE = 8
_THE_ORIGINS_OWN = "ASGI callable returned without completing response."


@dataclass
class Gateway:
    url: str
    origin: FaultyOrigin
    unexpected: list[str] = field(default_factory=list)
    """What the service logged about errors that it had not foreseen."""


@pytest.fixture
async def gateway(monkeypatch, postgres_url) -> AsyncIterator[Gateway]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    origin = FaultyOrigin()
    async with served(origin) as upstream:
        settings = Settings(
            litellm_url=upstream,
            litellm_key="sk-service",
            bedrock_endpoint=upstream,
            bedrock_agent_endpoint=upstream,
            database_url=postgres_url,
            read_seconds=5.0,
        )
        app = create_app(settings)
        sink = _Sink(logging.ERROR)
        loggers = [logging.getLogger(name) for name in ("middleware", "uvicorn.error", "asyncio")]
        for logger in loggers:
            logger.addHandler(sink)
        async with served(app, server_header=False) as url:
            await _until_the_catalogue_is_known(await opened(url))
            yield Gateway(url, origin, sink.lines)
        for logger in loggers:
            logger.removeHandler(sink)


class _Sink(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() != _THE_ORIGINS_OWN:
            self.lines.append(JsonFormatter().format(record))


async def _until_the_catalogue_is_known(url: str) -> None:
    body = {"source": "INPUT", "content": [{"text": {"text": "x"}}]}
    headers = {"authorization": "Bearer sk-fuzz"}
    async with aiohttp.ClientSession() as session:
        for _ in range(500):
            target = f"{url}/bedrock/guardrail/gr1/version/1/apply"
            async with session.post(target, json=body, headers=headers) as response:
                if response.status == 200:
                    return
            await asyncio.sleep(0.02)
    raise AssertionError("the catalogue stayed empty")


async def test_a_thousand_hostile_requests_are_answered_in_awss_words(gateway):
    await _all_answered(gateway, map(hostile, range(1_000)))


@pytest.mark.faults
async def test_ten_thousand_hostile_requests_are_answered_in_awss_words(gateway):
    await _all_answered(gateway, map(hostile, range(1_000, 11_000)))


async def test_malformed_answers_are_the_models_errors(gateway):
    await _all_explained(gateway, FAULTS[::5], ("converse", "converse-stream"))


@pytest.mark.faults
async def test_malformed_answers_are_the_models_errors_in_every_operation(gateway):
    await _all_explained(gateway, FAULTS, tuple(GOOD))


async def _all_answered(gateway: Gateway, requests: Iterable[Hostile]) -> None:
    wrong: list[str] = []
    statuses: Counter[int] = Counter()

    async def some(session: aiohttp.ClientSession) -> None:
        for request in left:
            status, mistake = await _sent(session, gateway, request)
            statuses[status] += 1
            if mistake:
                wrong.append(f"{request}\n    {mistake}")

    left = iter(requests)
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        await asyncio.gather(*(some(session) for _ in range(AT_ONCE)))
    print(dict(statuses))
    assert not wrong, f"{len(wrong)} answers:\n" + "\n".join(wrong[:8])
    assert not gateway.unexpected, gateway.unexpected[:3]
    assert not gateway.origin.violations, gateway.origin.violations[:5]
    assert statuses[200] > sum(statuses.values()) / 10, "hardly any request got through"


async def _sent(
    session: aiohttp.ClientSession, gateway: Gateway, request: Hostile, **headers: str
) -> tuple[int, str]:
    """The status of the answer, and what is wrong with it."""
    url = URL(gateway.url + request.path, encoded=True)
    body = _cut(request.body, request.pieces) if request.pieces > 1 else request.body
    sent = {**request.headers, **headers}
    async with session.request(
        request.method, url, data=body, headers=sent, allow_redirects=False
    ) as response:
        try:
            data = await response.read()
        except aiohttp.ClientError as error:
            return response.status, f"the answer broke off: {error!r}"
        return response.status, _mistake(response, data)


async def _cut(body: bytes, pieces: int) -> AsyncIterator[bytes]:
    size = len(body) // pieces + 1
    for start in range(0, len(body), size):
        yield body[start : start + size]
        await asyncio.sleep(0)


def _mistake(response: aiohttp.ClientResponse, data: bytes) -> str:
    if response.status >= 500:
        return f"{response.status} {data[:300]!r}"
    if response.status >= 400:
        return _not_awss(response, data)
    operation = OPERATIONS.get(response.url.raw_path.rpartition("/")[2], "")
    if response.content_type == "application/vnd.amazon.eventstream":
        violations = [
            one
            for frame in read(data)
            for one in event_violations(operation, frame.name, frame.body)
        ]
    elif operation in ("Converse", "CountTokens", "ApplyGuardrail"):
        violations = response_violations(operation, json.loads(data))
    else:
        violations = [] if data else ["no body"]
    return "; ".join(violations)


def _not_awss(response: aiohttp.ClientResponse, data: bytes) -> str:
    """Why an error is not one that AWS could have given."""
    name = response.headers.get("x-amzn-errortype", "")
    if not name.endswith("Exception") or not response.headers.get("x-amzn-requestid"):
        return f"headers {dict(response.headers)}, body {data[:200]!r}"
    body = json.loads(data)
    told = set(body) == {"message"} and isinstance(body["message"], str) and body["message"].strip()
    return "" if told else f"body {data[:200]!r}"


async def _all_explained(
    gateway: Gateway, faults: Iterable[str], operations: tuple[str, ...]
) -> None:
    """The same good requests before every fault."""
    wrong: list[str] = []

    async def some(session: aiohttp.ClientSession) -> None:
        for fault, operation in left:
            status, mistake = await _sent(session, gateway, GOOD[operation], **{"x-fault": fault})
            if mistake and not (status >= 500 and _is_the_providers_own(fault)):
                wrong.append(f"{operation} before {fault}: {mistake}")

    left = iter([(fault, operation) for fault in faults for operation in operations])
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        await asyncio.gather(*(some(session) for _ in range(AT_ONCE)))
    assert not gateway.unexpected, gateway.unexpected[:3]
    assert not wrong, f"{len(wrong)} answers:\n" + "\n".join(wrong[:8])


def _is_the_providers_own(fault: str) -> bool:
    """Whether the fault says itself that the provider failed, so that an answer may say so too."""
    kind, _, name = fault.partition(" ")
    return (kind == "status" and name >= "5") or name.startswith(("error", "code"))


def _good(operation: str, body: dict, path: str = "") -> Hostile:
    headers = {"content-type": "application/json", "authorization": "Bearer sk-fuzz"}
    path = path or f"/bedrock/model/gpt/{operation}"
    return Hostile(0, "POST", path, headers, json.dumps(body).encode())


GOOD = {
    **{name: _good(name, HELLO) for name in ("converse", "converse-stream")},
    **{name: _good(name, ANTHROPIC) for name in ("invoke", "invoke-with-response-stream")},
    "count-tokens": _good("count-tokens", COUNTED[0]),
    "apply": _good("apply", GUARDED, "/bedrock/guardrail/gr1/version/1/apply"),
}
