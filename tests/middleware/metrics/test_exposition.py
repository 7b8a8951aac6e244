"""Traffic that is known, and what is exposed of it."""

from __future__ import annotations

import asyncio
import json

import pytest

from middleware.app import create_app
from middleware.settings import Settings

from ..conftest import eventually, opened, served, state_of
from .exposition import Exposition

KEY = "collector-key-of-this-test"
CHAT = json.dumps({"model": "known", "messages": []}).encode()
USAGE = b'"usage":{"prompt_tokens":7,"completion_tokens":11,"total_tokens":18,"cost":0.5}'
WHOLE = (
    b'{"model":"known-1","choices":[{"finish_reason":"stop","message":{"content":"x"}}],%s}' % USAGE
)
DELTA = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n'


async def _calls(origin):
    """Have the upstream answer calls of models as LiteLLM does."""

    async def on_v1(scope, receive, send, body):
        asked = json.loads(body)
        headers = [(b"x-litellm-model-group", asked["model"].encode())]
        stream = asked.get("stream")
        status = asked.get("status", 200)
        kind = b"text/event-stream" if stream else b"application/json"
        start = {"type": "http.response.start", "status": status}
        await send({**start, "headers": [*headers, (b"content-type", kind)]})
        if not stream:
            await send({"type": "http.response.body", "body": WHOLE if status < 400 else b"{}"})
            return
        await send({"type": "http.response.body", "body": DELTA % b"", "more_body": True})
        await send({"type": "http.response.body", "body": DELTA % b"Hello", "more_body": True})
        await origin.release.wait()
        last = b"data: {%s}\n\ndata: [DONE]\n\n" % (USAGE if stream == "told" else b"")
        await send({"type": "http.response.body", "body": last})

    async def on_model(scope, receive, send, body):
        listed = {"data": [{"model_name": "known", "litellm_params": {"model": "openai/known"}}]}
        await _json(send, listed)

    async def on_v2(scope, receive, send, body):
        await _json(send, {"guardrails": []})

    async def on_router(scope, receive, send, body):
        await _json(send, {"current_values": {}})

    origin._on_v1, origin._on_model = on_v1, on_model
    origin._on_v2, origin._on_router = on_v2, on_router


async def _json(send, found) -> None:
    start = {"type": "http.response.start", "status": 200}
    await send({**start, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})


@pytest.fixture
async def gateway(origin, postgres_url):
    await _calls(origin)
    settings = Settings(
        litellm_key="sk-service",
        litellm_url=origin.url,
        database_url=postgres_url,
        history="off",
        metrics_key=KEY,
        read_seconds=1.0,
    )
    app = create_app(settings)
    async with served(app, server_header=False, ws="websockets-sansio") as url:
        await opened(url)
        await eventually(lambda: state_of(app).catalogue.is_known)
        yield url


@pytest.fixture
def scraped(gateway, http):
    async def scrape(key: str = KEY) -> Exposition:
        headers = {"authorization": f"Bearer {key}"}
        async with http.get(f"{gateway}/metricz", headers=headers) as response:
            assert response.status == 200
            return Exposition(await response.text())

    return scrape


@pytest.fixture
def grown(scraped):
    """How much a sample has grown since the test began; the metrics are the process's."""

    async def begin():
        before = await scraped()

        async def by(name: str, **labels: str) -> float:
            return (await scraped()).value(name, **labels) - before.value(name, **labels)

        return by

    return begin


async def test_who_may_read_them(gateway, http):
    for key in (KEY, "sk-service", "wrong-key", KEY[:-1], ""):
        headers = {"authorization": f"Bearer {key}"} if key else {}
        async with http.get(f"{gateway}/metricz", headers=headers) as response:
            assert response.status == (200 if key in (KEY, "sk-service") else 401)
            assert ("middleware_build_info" in await response.text()) == (response.status == 200)


async def test_the_collectors_key_opens_nothing_else(gateway, http):
    headers = {"authorization": f"Bearer {KEY}"}
    async with http.get(f"{gateway}/experiments", headers=headers) as response:
        assert response.status == 401


async def test_openmetrics_for_who_asks_for_it(gateway, http):
    headers = {"authorization": f"Bearer {KEY}", "accept": "application/openmetrics-text"}
    async with http.get(f"{gateway}/metricz", headers=headers) as response:
        assert response.headers["content-type"].startswith("application/openmetrics-text")
        assert (await response.text()).endswith("# EOF\n")


async def test_requests_are_counted_by_their_route(gateway, http, grown):
    by, name = await grown(), "http_server_request_duration_seconds_count"
    for path in ("/livez", "/livez", "/key/a-1", "/key/a-2/b", "/some/caller/made/this/up"):
        async with http.get(gateway + path) as response:
            await response.read()
    for _ in range(3):
        async with http.post(f"{gateway}/v1/chat/completions", data=CHAT) as response:
            await response.read()
    told = {"http_response_status_code": "200"}
    assert await by(name, http_route="/livez", interface="gateway", **told) == 2
    assert await by(name, http_route="/key/{path}", interface="litellm", **told) == 2
    assert await by(name, http_route="/{path}", interface="litellm", **told) == 1
    chat = {"http_route": "/v1/chat/completions", "http_request_method": "POST"}
    assert await by(name, interface="openai", **chat, **told) == 3


async def test_no_callers_text_becomes_a_label(gateway, http, scraped):
    canary = "canary-of-a-caller"
    for path in (
        f"/{canary}",
        f"/bedrock/model/{canary}/converse",
        f"/engines/{canary}/completions",
    ):
        body = json.dumps({"model": canary}).encode()
        headers = {"authorization": f"Bearer {canary}", "x-request-id": canary}
        async with http.post(gateway + path, data=body, headers=headers) as response:
            await response.read()
    made_up = json.dumps({"model": canary}).encode()
    async with http.post(f"{gateway}/v1/chat/completions", data=made_up) as response:
        await response.read()
    async with http.request("PROPFIND", f"{gateway}/livez") as response:
        await response.read()
    found = {value for sample in (await scraped()).samples for value in sample.labels.values()}
    assert not any(canary in value for value in found)
    assert "PROPFIND" not in found and {"_OTHER", "other"} <= found


async def test_tokens_and_cost_of_calls_that_only_pass_through(gateway, http, grown):
    by = await grown()
    for _ in range(2):
        async with http.post(f"{gateway}/v1/chat/completions", data=CHAT) as response:
            assert await response.read() == WHOLE
    model = {"gen_ai_request_model": "known"}
    tokens = "gen_ai_client_token_usage_sum"
    assert await by(tokens, gen_ai_token_type="input", **model) == 14
    assert await by(tokens, gen_ai_token_type="output", **model) == 22
    assert await by("middleware_cost_dollars_total", **model) == pytest.approx(1.0)
    calls = "gen_ai_server_request_duration_seconds_count"
    assert await by(calls, gen_ai_operation_name="chat", error_type="", **model) == 2


@pytest.mark.parametrize("told", ["told", "untold"])
async def test_a_stream_while_it_is_open_and_after_it(gateway, origin, http, grown, told):
    by = await grown()
    body = json.dumps({"model": "known", "stream": told}).encode()
    async with http.post(f"{gateway}/v1/chat/completions", data=body) as response:
        assert b"Hello" in await _until(response, b"Hello")
        assert await by("middleware_open_streams") == 1
        assert await by("http_server_active_requests") == 1
        await asyncio.sleep(0.2)  # so that the end is known to come later than the first token
        origin.release.set()
        await response.read()
    model = {"gen_ai_request_model": "known"}
    assert await by("middleware_open_streams") == 0
    assert await by("gen_ai_server_time_to_first_token_seconds_count", **model) == 1
    first = await by("gen_ai_server_time_to_first_token_seconds_sum", **model)
    whole = await by("gen_ai_server_request_duration_seconds_sum", **model)
    assert 0 < first < whole - 0.1
    is_told = told == "told"
    assert await by("gen_ai_client_token_usage_sum", gen_ai_token_type="output") == 11 * is_told
    assert await by("middleware_usage_unknown_total", **model) == (not is_told)


async def _until(response, mark: bytes) -> bytes:
    read = b""
    while mark not in read:
        piece = await response.content.readany()
        assert piece
        read += piece
    return read


async def test_errors_by_their_kind(gateway, origin, http, grown):
    by = await grown()
    async with http.get(f"{gateway}/silent") as response:
        assert response.status == 504
    async with http.get(f"{gateway}/status?code=503") as response:
        assert response.status == 503
    async with http.get(f"{gateway}/experiments") as response:
        assert response.status == 401
    failing = json.dumps({"model": "known", "status": 500}).encode()
    async with http.post(f"{gateway}/v1/chat/completions", data=failing) as response:
        assert response.status == 500
    errors, upstream = "middleware_errors_total", "middleware_upstream_errors_total"
    assert await by(errors, error_type="UpstreamTimeout") == 1
    assert await by(errors, error_type="Unauthenticated") == 1
    assert await by(upstream, kind="timeout") == 1
    assert await by(upstream, kind="503") == 1 and await by(upstream, kind="500") == 1
    calls = "gen_ai_server_request_duration_seconds_count"
    assert await by(calls, gen_ai_request_model="known", error_type="500") == 1


async def test_a_caller_who_leaves(gateway, origin, http, grown):
    by = await grown()
    response = await http.get(f"{gateway}/stream")
    assert await response.content.readany() == b"data: one\n\n"
    response.close()
    for _ in range(100):
        if await by("middleware_errors_total", error_type="CallerGone") == 1:
            break
        await asyncio.sleep(0.05)
    assert await by("middleware_errors_total", error_type="CallerGone") == 1
    assert await by("http_server_active_requests") == 0


async def test_parts_pools_and_the_loop(gateway, scraped):
    found = await scraped()
    for part in ("litellm", "litellm_database", "database"):
        assert found.value("middleware_ready", part=part) == 1
    pool = {"db_client_connection_pool_name": "postgresql"}
    assert found.value("db_client_connection_max", **pool) == 10
    assert 1 <= found.value("db_client_connection_count", **pool) <= 11
    assert found.value("middleware_build_info") == 1
    assert found.value("process_resident_memory_bytes") > 2**20
    for _ in range(100):
        if (await scraped()).value("middleware_event_loop_lag_seconds_count"):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("nobody looked at the event loop")


async def test_without_litellm_the_collector_still_reads(postgres_url, http):
    settings = Settings(
        litellm_key="sk-service",
        litellm_url="http://127.0.0.1:9",
        database_url=postgres_url,
        metrics_key=KEY,
    )
    async with served(create_app(settings)) as url:
        await opened(url)
        async with http.get(
            f"{url}/metricz", headers={"authorization": f"Bearer {KEY}"}
        ) as response:
            found = Exposition(await response.text())
    assert found.value("middleware_ready", part="litellm") == 0
    assert found.value("middleware_ready", part="database") == 1
