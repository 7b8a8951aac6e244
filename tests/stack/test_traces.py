"""One trace from the caller through the middleware to LiteLLM, and nothing in it that anybody said."""

from __future__ import annotations

import json
import secrets
from contextlib import closing

import pytest

from gateway_lib import local
from tests.conftest import wait_until
from tests.middleware.tracing.collector import Collector, Span

from .callers import BEDROCK, OPENAI, Caller

MIDDLEWARE, LITELLM = "gateway-middleware", "litellm"
CANARY = "canarytext"
MODELS = ("gen_ai.request.model", "litellm.model_group", "litellm.provider.model")
"""What is named as the caller has written it."""


@pytest.fixture(scope="module")
def collector():
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(collector, tmp_path_factory):
    """A stack of its own, started as a user starts it who has a collector."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        running = local.start_detached(local.State(tmp_path_factory.mktemp("traced")), owned=True)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def caller(traced):
    key = traced.environment["GATEWAY_API_KEY"]
    with closing(Caller(traced.environment, key)) as caller:
        yield caller


@pytest.fixture
def trace(collector):
    """An id of a trace, the headers that begin it, and its spans as far as they have come."""

    class Begun:
        def __init__(self) -> None:
            self.id, self.parent = secrets.token_hex(16), secrets.token_hex(8)
            self.headers = {"traceparent": f"00-{self.id}-{self.parent}-01"}

        def spans(self) -> list[Span]:
            return [span for span in collector.spans if span.trace_id == self.id]

        def named(self, service: str, name: str) -> list[Span]:
            return [s for s in self.spans() if (s.service, s.name) == (service, name)]

    return Begun()


PATHS = [
    (
        "/v1/chat/completions",
        "POST /v1/chat/completions",
        {
            "model": OPENAI,
            "messages": [{"role": "user", "content": CANARY}],
            "user": CANARY,
            "metadata": {"said": CANARY, "generation_name": CANARY},
        },
    ),
    (
        f"/bedrock/model/{BEDROCK}/converse-stream",
        "POST /bedrock/model/{modelId}/converse-stream",
        {"messages": [{"role": "user", "content": [{"text": CANARY}]}]},
    ),
]


@pytest.mark.parametrize(("path", "name", "body"), PATHS)
def test_one_trace_over_both(caller, trace, path, name, body):
    answer = caller.http.post(path, json=body, headers=trace.headers)
    assert answer.status_code == 200
    wait_until(lambda: trace.named(LITELLM, "litellm_request"), 60)
    wait_until(lambda: trace.named(MIDDLEWARE, name), 60)
    wait_until(lambda: trace.named(LITELLM, "Received Proxy Server Request"), 60)
    [server] = [s for s in trace.named(MIDDLEWARE, name) if s.parent_id == trace.parent]
    [call] = [
        s
        for s in trace.spans()
        if (s.service, s.parent_id, s.name)
        == (MIDDLEWARE, server.span_id, "POST /v1/chat/completions")
    ]
    [theirs] = trace.named(LITELLM, "Received Proxy Server Request")
    [request] = trace.named(LITELLM, "litellm_request")
    assert theirs.parent_id == call.span_id and request.parent_id == theirs.span_id
    assert any(s.name == "postgresql" and s.parent_id == server.span_id for s in trace.spans())
    for count in ("input", "output"):
        attribute = f"gen_ai.usage.{count}_tokens"
        assert server.attributes[attribute] == request.attributes[attribute] > 0
    assert server.attributes["gen_ai.response.finish_reasons"] == ["stop"]


BROKEN = [
    {"model": OPENAI, "messages": [{"role": CANARY, "content": CANARY}]},
    {"model": BEDROCK, "messages": [{"role": "user", "content": CANARY}], "top_p": CANARY},
    {"model": CANARY, "messages": [{"role": "user", "content": CANARY}]},
]


@pytest.mark.parametrize("body", BROKEN)
def test_errors_are_in_it_without_their_words(caller, trace, body):
    headers = {**trace.headers, "user-agent": CANARY, "x-said": CANARY}
    path = f"/v1/chat/completions?said={CANARY}"
    answer = caller.http.post(path, json=body, headers=headers)
    assert answer.status_code == 400 and CANARY in answer.text
    wait_until(lambda: any(s.is_error and s.service == LITELLM for s in trace.spans()), 60)


def test_nothing_that_anybody_said_and_no_key_is_in_any_span(traced, collector, caller, trace):
    """Last in this file: it looks at what all before it have sent, too."""
    wrong = {"authorization": f"Bearer sk-{CANARY}", **trace.headers}
    body = {"model": "text-embedding-3-small", "input": CANARY}
    assert caller.http.post("/v1/embeddings", json=body, headers=wrong).status_code == 401
    wait_until(lambda: any(s.service == LITELLM for s in trace.spans()), 60)
    wait_until(lambda: trace.named(MIDDLEWARE, "POST /v1/embeddings"), 60)
    environment = traced.environment
    secret = (
        environment["GATEWAY_API_KEY"],
        environment["GATEWAY_MASTER_KEY"],
        "sk-",
        "@example.com",
    )
    services = {span.service for span in collector.spans}
    assert services == {MIDDLEWARE, LITELLM}
    sent = [
        json.dumps((span.name, {k: v for k, v in span.attributes.items() if k not in MODELS}))
        for span in collector.spans
    ]
    for text in (CANARY, *secret):
        assert not [each for each in sent if text in each], text
    raw = b"".join(collector.bodies)
    for text in secret:
        assert text.encode() not in raw
