"""A server inside the network gets no request, whatever a caller names it in; LiteLLM is the real one."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from tests.middleware.intake.test_addresses import ASKED, INSIDE

from .callers import BEDROCK, OPENAI


class Canary:
    """A server on loopback, in the place of one that only the gateway can reach."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        canary = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _any(self) -> None:
                canary.requests.append(f"{self.command} {self.path}")
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST = do_HEAD = do_PUT = do_OPTIONS = _any

            def log_message(self, *_: object) -> None:
                """Nothing to say."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    made = Canary()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.mark.parametrize("model", [OPENAI, BEDROCK])
def test_the_canary_hears_nothing(caller, canary, model):
    for name, (path, fields) in ASKED.items():
        text = json.dumps(fields).replace(INSIDE, f"{canary.url}/{model}")
        text = text.replace('"model": "m"', f'"model": "{model}"')
        path = path.replace("/claude/", f"/{model}/").replace("/m:", f"/{model}:")
        answer = caller.http.post(path, content=text, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 403), f"{name}: {answer.status_code} {answer.text[:300]}"
        assert canary.requests == [], name


def test_nor_by_what_is_in_a_query_a_header_or_a_model(caller, canary):
    body = {"model": OPENAI, "messages": [{"role": "user", "content": "Hello!"}]}
    for name in ("api_base", "base_url", "model", "callback"):
        caller.http.post("/v1/chat/completions", params={name: canary.url}, json=body)
    host = canary.url.removeprefix("http://")
    for name in ("host", "x-forwarded-host", "x-litellm-api-base", "x-mcp-url", "referer"):
        caller.http.post("/v1/chat/completions", headers={name: host}, json=body)
    for model in (f"huggingface/{canary.url}", canary.url, f"openai/{canary.url}", "vllm/x"):
        caller.http.post("/v1/chat/completions", json={**body, "model": model})
        caller.http.post(f"/v1/chat/completions?model={model}", json=body)
    for path in (
        f"/openai/@{host}/x",
        f"/openai//{host}/x",
        f"/anthropic//{host}/x",
        f"/vertex_ai//{host}/x",
    ):
        caller.http.post(path, json={})
    assert canary.requests == []


def test_what_a_text_says_is_sent_and_not_fetched(caller, canary):
    said = caller.say(f"echo: {canary.url}/text")
    assert canary.url in said.choices[0].message.content
    assert canary.requests == []
