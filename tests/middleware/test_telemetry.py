from __future__ import annotations

import json
import logging

import pytest

from middleware.telemetry import JsonFormatter


@pytest.fixture
def lines(gateway):
    """What the service logs, as it would stand in its log."""
    found: list[str] = []

    class Sink(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(JsonFormatter().format(record))

    sink, logger = Sink(), logging.getLogger("middleware")
    logger.addHandler(sink)
    yield found
    logger.removeHandler(sink)


async def test_a_callers_request_id_goes_up_and_comes_back(gateway, origin, http):
    async with http.get(f"{gateway}/echo", headers={"x-request-id": "trace-1"}) as response:
        assert response.headers["x-request-id"] == "trace-1"
    assert dict(origin.requests[-1]["headers"])["x-request-id"] == "trace-1"


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, 'a"b'])
async def test_an_unusable_request_id_is_replaced(gateway, http, bad):
    async with http.get(f"{gateway}/echo", headers={"x-request-id": bad}) as response:
        assert len(response.headers["x-request-id"]) == 32


async def test_a_request_is_one_line_of_json_without_secrets(gateway, http, lines):
    url = f"{gateway}/key/sk-canary-1/regenerate?key=sk-canary-2"
    headers = {"authorization": "Bearer sk-canary-3"}
    async with http.post(url, data=b'{"messages": "canary-4"}', headers=headers):
        pass
    (line,) = lines
    assert "canary" not in line
    logged = json.loads(line)
    assert logged["status"] == 200 and logged["method"] == "POST" and logged["bytes"] == 24
    assert logged["path"] == "/key/sk-…/regenerate"
    assert logged["ms"] > 0 and logged["level"] == "info" and len(logged["request_id"]) == 32


async def test_an_unexpected_error_is_logged_and_told_without_details(
    gateway, origin, http, lines, monkeypatch
):
    monkeypatch.setattr("middleware.passthrough.target", lambda scope: 1 / 0)
    async with http.get(f"{gateway}/echo") as response:
        assert response.status == 500
        assert "division" not in await response.text()
    assert any("ZeroDivisionError" in line and '"trace"' in line for line in lines)
