"""What a request is counted as, and what is kept and read for it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from prometheus_client.exposition import generate_latest

from middleware.admission.admission import Admission
from middleware.budgets import routes as costs
from middleware.errors import CallerGone
from middleware.identity.routes import meaning
from middleware.metrics import routes
from middleware.metrics.api import registry_of
from middleware.settings import Settings
from middleware.upstream import BROKEN, Upstream


@pytest.mark.parametrize(
    ("path", "template", "operation"),
    [
        (
            "/v1beta/models/gemini-2.5-pro:generateContent",
            "/v1beta/models/{model}:generateContent",
            "generate_content",
        ),
        (
            "/models/a/b:streamGenerateContent",
            "/models/{model}:streamGenerateContent",
            "generate_content",
        ),
        ("/openai/v1/responses", "/openai/v1/responses", "chat"),
        ("/v1/images/edits", "/v1/images/edits", "generate_content"),
        ("/audio/translations", "/audio/translations", "transcribe"),
        ("/v1beta/models/gemini-2.5-pro:countTokens", "/{path}", ""),
    ],
)
def test_calls_of_models_are_counted_as_such(path, template, operation):
    found = routes.of({"path": path})
    assert (found.template, found.operation) == (template, operation)


@pytest.mark.parametrize(
    ("of", "kept"),
    [
        (routes.of, routes._of_path),
        (costs.of, costs._of_path),
        (lambda scope: meaning(scope["path"]), meaning),
    ],
    ids=["metrics", "budgets", "identity"],
)
def test_long_paths_are_not_kept(of, kept):
    before = kept.known.cache_info().currsize
    for n in range(5):
        scope = {"type": "http", "method": "POST", "path": f"/{n}/{'x' * 1000}/chat/completions"}
        of(scope)
    assert kept.known.cache_info().currsize == before


def test_gauges_are_read_before_they_go_to_another_thread():
    settings = Settings(litellm_key="k", database_url="d", model_limits={"m": 3})
    admission = Admission(settings)
    assert admission.lane("m", 3).enter()
    state = SimpleNamespace(
        config_hash="",
        telemetry=SimpleNamespace(active=1, streams=0),
        admission=admission,
        database=SimpleNamespace(size=(1, 2, 3), waiting=0),
        keys=SimpleNamespace(pool={}),
    )
    registry = registry_of(state, {"litellm": "connected"})
    admission.lane("m", 3).enter()  # as the loop goes on while the other thread writes
    assert b'middleware_admission_in_flight{gen_ai_request_model="m"} 1.0' in generate_latest(
        registry
    )


async def test_a_caller_who_leaves_within_his_body_is_not_litellms_fault(origin):
    upstream = Upstream(Settings(litellm_url=origin.url, litellm_key="k", database_url="d"))

    async def leaving():
        yield b"half"
        await asyncio.sleep(0)
        raise CallerGone

    before = BROKEN._value.get()
    try:
        with pytest.raises(CallerGone):
            await upstream.request("POST", "/echo", [], leaving())
    finally:
        await upstream.close()
    assert BROKEN._value.get() == before
