"""Spans of the service, as a collector gets them."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from middleware.app import create_app
from middleware.settings import Settings
from middleware.tracing.choice import TracingRefused, chosen

from ..conftest import eventually, opened, served, state_of
from ..metrics.test_exposition import _calls
from .collector import Collector

SERVER, CLIENT = 2, 3
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLERS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}
CANARY = "canary-of-a-caller"


@pytest.fixture
def collector():
    with Collector() as collector:
        yield collector


@pytest.fixture
def traced(origin, postgres_url, monkeypatch):
    """A middleware whose spans go to a collector."""

    @asynccontextmanager
    async def serve(collector_url: str, history: str = "off"):
        await _calls(origin)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector_url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        settings = Settings(
            litellm_key="sk-service",
            litellm_url=origin.url,
            database_url=postgres_url,
            history=history,
            read_seconds=1.0,
        )
        app = create_app(settings)
        async with served(app, server_header=False) as url:
            await opened(url)
            await eventually(lambda: state_of(app).catalogue.is_known)
            yield url

    return serve


async def test_one_trace_from_the_caller_through_to_litellm(traced, collector, origin, http):
    body = json.dumps({"model": "known", "messages": [{"role": "user", "content": CANARY}]})
    headers = {**CALLERS, "authorization": f"Bearer sk-{CANARY}"}
    async with (
        traced(collector.url) as url,
        http.post(f"{url}/v1/chat/completions?{CANARY}", data=body, headers=headers) as response,
    ):
        assert response.status == 200 and await response.read()
    [server] = [s for s in collector.named("POST /v1/chat/completions") if s.kind == SERVER]
    [call] = [s for s in collector.named("POST /v1/chat/completions") if s.kind == CLIENT]
    assert (server.trace_id, server.parent_id) == (TRACE, PARENT)
    assert (call.trace_id, call.parent_id) == (TRACE, server.span_id)
    passed_on = dict(origin.requests[-1]["headers"])
    assert passed_on["traceparent"] == f"00-{TRACE}-{call.span_id}-01"
    assert passed_on["tracestate"] == "vendor=1"
    assert server.service == "gateway-middleware"
    expected = {
        "http.request.method": "POST",
        "http.route": "/v1/chat/completions",
        "http.response.status_code": 200,
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "known",
        "gen_ai.response.model": "known-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 11,
    }
    assert expected.items() <= server.attributes.items()
    assert CANARY.encode() not in b"".join(collector.bodies)


async def test_what_was_not_sampled_by_the_caller_is_not_here(traced, collector, origin, http):
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
    async with (
        traced(collector.url) as url,
        http.get(f"{url}/echo", headers=headers) as response,
    ):
        assert response.status == 200
    assert dict(origin.requests[-1]["headers"])["traceparent"].endswith("-00")
    assert TRACE not in {span.trace_id for span in collector.spans}


async def test_errors_and_the_databases_spans(traced, collector, http):
    async with traced(collector.url) as url, http.get(f"{url}/silent") as response:
        assert response.status == 504
    [failed] = [s for s in collector.named("GET /{path}") if s.kind == SERVER]
    [call] = [s for s in collector.named("GET /{path}") if s.kind == CLIENT]
    assert failed.is_error and failed.attributes["error.type"] == "UpstreamTimeout"
    assert call.is_error and call.parent_id == failed.span_id
    ready = collector.named("GET /readyz")[-1]
    [asked] = [s for s in collector.named("postgresql") if s.parent_id == ready.span_id]
    assert asked.attributes["db.system.name"] == "postgresql" and not asked.is_error


async def test_a_collector_that_does_not_answer_holds_nothing_up(traced, http):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts, and says nothing
        async with traced("http://{}:{}".format(*silent.getsockname())) as url:
            for _ in range(20):
                async with http.get(f"{url}/echo") as response:
                    assert response.status == 200


async def test_spans_that_a_collector_refuses_are_counted(traced, http):
    with Collector(status=400) as collector:
        async with traced(collector.url) as url:
            failed = 0.0
            for _ in range(100):
                headers = {"authorization": "Bearer sk-service"}
                async with http.get(f"{url}/metricz", headers=headers) as response:
                    lines = (await response.text()).splitlines()
                [line] = [
                    x for x in lines if x.startswith('middleware_spans_total{outcome="failed"}')
                ]
                failed = float(line.split()[-1])
                if failed:
                    break
                await asyncio.sleep(0.1)
    assert failed and not collector.spans


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_off_by_the_standard_variables(more):
    assert chosen(more) is None


def test_another_protocol_is_refused():
    with pytest.raises(TracingRefused):
        chosen({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def test_without_a_collector_nothing_of_it_is_loaded():
    code = (
        "import sys; from middleware.app import create_app; from middleware.settings import Settings;"
        "create_app(Settings(litellm_key='k', database_url='postgresql://x/y'));"
        "parts = ('opentelemetry.exporter', 'middleware.tracing.spans', 'middleware.tracing.exporting');"
        "sys.exit(any(name.startswith(parts) for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, env={"PATH": ""})
    assert done.returncode == 0
