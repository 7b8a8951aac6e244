from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator

import aiohttp
import pytest

from middleware.logs import JsonFormatter
from tests.middleware.conftest import eventually
from tests.middleware.origin import SLOW_MS


class Lines(logging.Handler):
    """What the service logs, as it would stand in its log: requests and everything else."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__()
        self._found: list[str] = []
        self._capsys = capsys

    def emit(self, record: logging.LogRecord) -> None:
        self._found.append(JsonFormatter().format(record))

    def __iter__(self) -> Iterator[str]:
        self._found += self._capsys.readouterr().out.splitlines()
        return iter(self._found)


@pytest.fixture
def lines(gateway, capsys):
    handler, logger = Lines(capsys), logging.getLogger("middleware")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


async def test_a_callers_request_id_goes_up_and_comes_back(gateway, origin, http):
    async with http.get(f"{gateway}/echo", headers={"x-request-id": "trace-1"}) as response:
        assert response.headers["x-request-id"] == "trace-1"
    assert dict(origin.requests[-1]["headers"])["x-request-id"] == "trace-1"


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, 'a"b'])
async def test_an_unusable_request_id_is_replaced(gateway, http, bad):
    async with http.get(f"{gateway}/echo", headers={"x-request-id": bad}) as response:
        assert len(response.headers["x-request-id"]) == 32


async def test_an_answer_says_where_the_time_went(gateway, http):
    began = time.perf_counter()
    async with http.get(f"{gateway}/slow") as response:
        whole = (time.perf_counter() - began) * 1000
        [told] = response.headers.getall("server-timing")
    middleware, litellm = (float(part.split("dur=")[1]) for part in told.split(", "))
    assert told.startswith("middleware;dur=") and ", litellm;dur=" in told
    assert litellm >= SLOW_MS
    assert middleware > 0 and middleware + litellm <= whole


async def test_what_litellm_was_not_asked_it_is_not_blamed_for(gateway, http):
    async with http.get(f"{gateway}/livez") as response:
        assert response.headers["server-timing"].endswith(", litellm;dur=0.000")


async def test_a_request_is_one_line_of_json_without_secrets(gateway, http, lines):
    url = f"{gateway}/v1/keys/sk-canary-1/x?key=sk-canary-2"
    headers = {"authorization": "Bearer sk-canary-3"}
    async with http.post(url, data=b'{"messages": "canary-4"}', headers=headers) as response:
        await response.read()
    (line,) = lines
    assert "canary" not in line
    logged = json.loads(line)
    assert logged["status"] == 200 and logged["method"] == "POST" and logged["bytes"] == 24
    assert logged["path"] == "/v1/keys/sk-…/x"
    assert logged["ms"] > 0 and logged["level"] == "info" and len(logged["request_id"]) == 32


async def test_an_unexpected_error_is_logged_and_told_without_details(
    gateway, origin, http, lines, monkeypatch
):
    monkeypatch.setattr("middleware.passthrough.target", lambda scope: 1 / 0)
    async with http.get(f"{gateway}/echo") as response:
        assert response.status == 500
        assert "division" not in await response.text()
    assert any("ZeroDivisionError" in line and '"trace"' in line for line in lines)


async def test_a_websocket_is_logged_with_the_status_that_its_caller_saw(gateway, http, lines):
    async with http.ws_connect(f"{gateway}/ws") as connection:
        await connection.send_str("bye")
        await connection.receive()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect(f"{gateway}/refused")
    await eventually(lambda: sum('"WEBSOCKET"' in line for line in lines) == 2)
    logged = {one["path"]: one["status"] for one in map(json.loads, lines)}
    assert logged == {"/ws": 101, "/refused": refused.value.status}
