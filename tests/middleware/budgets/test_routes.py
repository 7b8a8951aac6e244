"""Every path of LiteLLM's that can cost money is held to the budget, or closed to those who have one."""

from __future__ import annotations

import re

import pytest
from litellm.proxy._types import LiteLLMRoutes

from middleware.budgets import routes

from .conftest import bearer
from .litellm import MODEL

# what costs nothing by the model: lists, counts, files, what is kept, tools that call no model
FREE = re.compile(
    r"(?!/cursor).*/models(?:/info)?|.*/model(?:_group)?/info|/utils/.*|.*count_?tokens|.*:countTokens|.*/input_tokens|.*/cancel|"
    r"(?:/v1)?/files.*|(?:/v1)?/vector_stores?(?!.*/search).*|/v1/skills.*|.*/claude-code/.*|/guardrails/.*|"
    r"/mcp.*|/v1/mcp.*|/introspect|/token|/v1/(?:traces|logs).*|/langfuse.*"
)


def scope(path: str, method: str = "POST") -> dict:
    return {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}


def filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}|\*", "x", path.partition("?")[0])


@pytest.mark.parametrize("path", sorted(set(LiteLLMRoutes.llm_api_routes.value)))
def test_every_inference_path_of_litellms_is_known(path):
    found = routes.of(scope(filled(path)))
    assert (found is None) == bool(FREE.fullmatch(filled(path))), (path, found)


@pytest.mark.parametrize(
    "path",
    [
        "/user/new",
        "/key/info",
        "/team/update",
        "/spend/logs",
        "/ui",
        "/sso/key/generate",
        "/model/new",
    ],
)
def test_administration_is_not_concerned(path):
    assert routes.of(scope(path)) is None


METERED = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "say 1"}], "max_tokens": 5},
    "/chat/completions": {"messages": [{"role": "user", "content": "say 1"}], "max_tokens": 5},
    "/cursor/chat/completions": {
        "messages": [{"role": "user", "content": "say 1"}],
        "max_tokens": 5,
    },
    "/v1/completions": {"prompt": "say 1", "max_tokens": 5},
    "/v1/embeddings": {"input": "say 1"},
    "/v1/messages": {"messages": [{"role": "user", "content": "say 1"}], "max_tokens": 5},
    "/v1/responses": {"input": "say 1", "max_output_tokens": 5},
    "/v1/moderations": {"input": "say 1"},
    "/v1/rerank": {"query": "say 1", "documents": ["a", "b"]},
    "/v1/audio/speech": {"input": "say 1", "voice": "x"},
    f"/v1beta/models/{MODEL}:generateContent": {
        "contents": [{"parts": [{"text": "say 1"}]}],
        "generationConfig": {"maxOutputTokens": 5},
    },
    f"/openai/deployments/{MODEL}/chat/completions": {
        "messages": [{"role": "user", "content": "say 1"}],
        "max_tokens": 5,
    },
    f"/engines/{MODEL}/completions": {"prompt": "say 1", "max_tokens": 5},
}


@pytest.mark.parametrize("path", sorted(METERED))
async def test_a_path_is_held_to_the_budget(world, path):
    body = {**METERED[path], **({} if MODEL in path else {"model": MODEL})}
    poor = await world.user(budgets={MODEL: 0.000001})
    answer = await world.http.post(path, json=body, headers=bearer(poor))
    assert answer.status_code == 429 and answer.json()["error"]["code"] == "budget_exceeded"
    assert (await world.truth())["calls"] == 0
    rich = await world.user(budgets={MODEL: 50})
    assert (await world.http.post(path, json=body, headers=bearer(rich))).status_code == 200
    assert await world.settled(5) == pytest.approx((await world.truth())["spent"][MODEL])


async def test_images_have_a_price_each(world):
    key = await world.user(budgets={"image-model": 0.6})
    body = {"model": "image-model", "prompt": "a cat", "n": 3}
    answer = await world.http.post("/v1/images/generations", json=body, headers=bearer(key))
    assert answer.status_code == 429
    answer = await world.http.post(
        "/v1/images/generations", json={**body, "n": 2}, headers=bearer(key)
    )
    assert answer.status_code == 200


async def test_forms_are_read_too(world):
    key = await world.user(budgets={MODEL: 0.000001})
    files = {"file": ("a.wav", b"x" * 1000, "audio/wav")}
    for path in ("/v1/audio/transcriptions", "/v1/images/edits"):
        answer = await world.http.post(
            path, data={"model": MODEL}, files=files, headers=bearer(key)
        )
        assert answer.status_code == 429, answer.text
    twice = [("model", (None, "other-model")), ("model", (None, MODEL)), ("file", ("a.wav", b"x"))]
    answer = await world.http.post("/v1/audio/transcriptions", files=twice, headers=bearer(key))
    assert answer.status_code == 400
    assert (await world.truth())["calls"] == 0


CLOSED = """
/v1/batches /openai/v1/chat/completions /anthropic/v1/messages /v1/threads/t/runs /bedrock/agents/x
/v1/messages/batches /v1beta/models/any-model:embedContent /v1/images/other
/vertex_ai/v1/projects/x /v1/videos /rag/query /v1//responses/x/y
"""


@pytest.mark.parametrize("path", CLOSED.split())
async def test_a_path_without_a_bound_is_closed(world, path):
    key = await world.user(budgets={MODEL: 50})
    answer = await world.http.post(path, json={"model": MODEL}, headers=bearer(key))
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "route_not_budgeted"
    assert (await world.truth())["calls"] == 0


async def test_a_path_in_needless_escapes_goes_nowhere(world):
    key = await world.user(budgets={MODEL: 50})
    path = "/bedrock/%6dodel/any-model/converse"
    answer = await world.http.post(path, json={"model": MODEL}, headers=bearer(key))
    assert answer.status_code == 400 and (await world.truth())["calls"] == 0


@pytest.mark.parametrize(
    "where",
    [
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "x-litellm-api-key",
        "query",
        "litellm_user_api_key",
    ],
)
async def test_the_key_counts_wherever_it_is(world, where):
    key = await world.user(budgets={MODEL: 0.000001})
    path = f"/v1beta/models/{MODEL}:generateContent" + (f"?key={key}" if where == "query" else "")
    headers = {} if where == "query" else {where: key}
    answer = await world.http.post(
        path, json={"contents": [{"parts": [{"text": "x"}]}]}, headers=headers
    )
    assert answer.status_code == 429


async def test_native_bodies_of_invoke_model(world):
    key = await world.user(budgets={"bedrock-model": 0.000001})
    path = "/bedrock/model/bedrock-model/invoke"
    answer = await world.http.post(path, json={"inputText": "x"}, headers=bearer(key))
    assert answer.status_code == 429
    stream = f"{path}-with-response-stream"
    body = {
        "anthropic_version": "x",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "say 3"}],
    }
    assert (await world.http.post(stream, json=body, headers=bearer(key))).status_code == 429
    assert (await world.truth())["calls"] == 0
    rich = await world.user(budgets={"bedrock-model": 50})
    assert (await world.http.post(stream, json=body, headers=bearer(rich))).status_code == 200
    assert await world.settled(5) == pytest.approx((await world.truth())["spent"]["bedrock-model"])
