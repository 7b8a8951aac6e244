"""What callers say, and their keys, are in no log of any part, whatever happens to the request."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import time
from contextlib import contextmanager, suppress
from urllib.parse import quote

import httpx
import pytest

from tests.conftest import wait_until
from tests.contract.turns import WEATHER, assistant, tool_result, tool_use, tools, user

from .callers import BEDROCK, BOTH, GUARDRAIL, OPENAI, STREAMED

SPACES_1 = "arn:aws:bedrock:us-east-1:123456789012:prompt/PROMPTSPC1:1"
CHAT = "/v1/chat/completions"
FAULTS = [
    {"kind": "status", "status": 400},
    {"kind": "status", "status": 401},
    {"kind": "status", "status": 404},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "reset"},
    {"kind": "malformed_json"},
    {"kind": "cut_mid_stream", "after_tokens": 2},
    {"kind": "error_event", "after_tokens": 2},
]

pytestmark = pytest.mark.usefixtures("provider")


@pytest.fixture
def unlogged(stack, master):
    """A word to say inside the context; afterwards no log has it, and the logs have been written."""

    def found(word):
        forms = (word.encode(), base64.b64encode(word.encode()).rstrip(b"="))
        return [
            f"{path.name}: {line[:300]!r}"
            for path in sorted(stack.state.logs.iterdir())
            for line in path.read_bytes().splitlines()
            if any(form in line for form in forms)
        ]

    @contextmanager
    def context():
        canary = f"canary{secrets.token_hex(12)}"
        yield canary
        last = f"last-{canary[6:]}"
        master.http.get("/v1/models", headers={"x-request-id": last})
        wait_until(lambda: found(last), 10)
        time.sleep(0.3)  # what LiteLLM does after its answer
        assert found(canary) == []
        metrics = master.http.get("/metricz")
        assert metrics.status_code == 200 and canary not in metrics.text

    return context


@pytest.fixture
def chat(caller):
    """A chat completion whatever becomes of it; `body` replaces the usual one."""

    def call(text="", model=OPENAI, *, body=None, headers=None, **more):
        usual = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        content = json.dumps(usual) if body is None else body
        headers = {"content-type": "application/json", **(headers or {})}
        return sent(caller.http, CHAT, content, headers)

    return call


@pytest.fixture
def converse(caller):
    def call(text="", model=BEDROCK, *, streamed=False, body=None, headers=None, **more):
        usual = {"messages": [user(text)], **more} if text else more
        content = json.dumps(usual) if body is None else body
        return sent(caller.http, on_bedrock(model, streamed), content, headers or {})

    return call


def on_bedrock(model, streamed=False):
    operation = "converse-stream" if streamed else "converse"
    return f"/bedrock/model/{quote(model, safe='')}/{operation}"


def sent(http, path, content, headers):
    """The status of a POST, 0 where the connection broke."""
    try:
        return http.post(path, content=content, headers=headers).status_code
    except httpx.RemoteProtocolError:
        return 0


@BOTH
@STREAMED
def test_plain_and_streamed_content(unlogged, chat, converse, model, streamed):
    with unlogged() as canary:
        assert chat(f"echo: {canary}", model, stream=streamed, user=canary) == 200
        assert converse(f"echo: {canary} ", model, streamed=streamed) == 200


@BOTH
def test_content_of_system_texts_tools_and_their_results(unlogged, chat, converse, model):
    with unlogged() as canary:
        function = {"name": "get_weather", "arguments": json.dumps({"city": canary})}
        call = {"id": "call_1", "type": "function", "function": function}
        spec = {"name": "get_weather", "description": canary, "parameters": {"type": "object"}}
        messages = [
            {"role": "system", "content": canary},
            {"role": "user", "content": "How is it?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": canary},
        ]
        offered = [{"type": "function", "function": spec}]
        assert chat(model=model, messages=messages, tools=offered) == 200
        turns = [
            user("How is it?"),
            assistant(tool_use("t1", "get_weather", {"city": canary})),
            user(tool_result("t1", {"text": canary}, {"json": {"said": canary}})),
        ]
        more = {"messages": turns, "toolConfig": tools(WEATHER), "system": [{"text": canary}]}
        assert converse(model=model, **more) == 200


def test_content_of_files(unlogged, chat, converse):
    with unlogged() as canary:
        data = base64.b64encode(canary.encode()).decode()
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
        chat(messages=[{"role": "user", "content": [image]}])
        broken = {"type": "image_url", "image_url": {"url": canary}}
        assert chat(messages=[{"role": "user", "content": [broken]}]) >= 400
        document = {"format": "txt", "name": "notes", "source": {"bytes": data}}
        converse(model=OPENAI, messages=[user("Read.", {"document": document})])
        converse(
            model=BEDROCK, messages=[user("Read.", {"document": {**document, "format": "pdf"}})]
        )


@BOTH
def test_a_conversation_that_is_continued_read_and_deleted(unlogged, caller, chat, converse, model):
    with unlogged() as canary:
        session = caller.begin(f"echo: {canary}", model)
        assert chat(f"echo: more {canary}", model, session_id=session) == 200
        fields = {"additionalModelRequestFields": {"session_id": session}}
        assert converse(f"echo: and {canary}", model, **fields) == 200
        assert canary in caller.history(session).text
        for path in ("/bedrock/chat-history", "/session-ids"):
            body = {"session_id": session} if "chat" in path else {}
            assert caller.http.post(path, json=body).status_code == 200
        stream = caller.say(
            f"echo: {canary} {'and on ' * 50}",
            model,
            stream=True,
            extra_body={"session_id": session},
        )
        next(iter(stream))
        assert caller.http.delete(f"/sessions/{session}").status_code == 200
        assert any(chunk.choices for chunk in stream)
        assert chat(f"echo: {canary}", model, session_id=session) == 404
        assert converse(f"echo: {canary}", model, **fields) == 404


@pytest.mark.parametrize("interface", ["openai", "bedrock"])
def test_variables_of_a_prompt(unlogged, chat, converse, provider, interface):
    def ask(arn=SPACES_1, **fields):
        return (chat if interface == "openai" else converse)(model=arn, **fields)

    with unlogged() as canary:
        good = {"a": {"text": canary}, "b": {"text": canary}}
        assert ask(promptVariables=good) == 200
        assert ask(promptVariables={**good, canary: {"text": canary}}) == 400
        assert ask(promptVariables={"a": {"text": canary}}) == 400
        assert ask(promptVariables={"a": canary, "b": [canary]}) == 400
        provider.fail("amazon.nova-lite-v1:0", "status", status=500)
        assert ask(promptVariables=good | {"b": {"text": f"more {canary}"}}) >= 500
        provider.heal()
        provider.fail("LEAKPROMPT", "status", status=500, message=canary)
        assert ask(arn=SPACES_1.replace("PROMPTSPC1", "LEAKPROMPT"), promptVariables=good) == 503


@BOTH
@STREAMED
@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: f"{fault['kind']}{fault.get('status', '')}"
)
def test_a_provider_that_fails(unlogged, chat, converse, provider, model, streamed, fault):
    with unlogged() as canary:
        provider.fail(model, **fault)
        chat(f"echo: {canary} and then more", model, stream=streamed)
        converse(f"echo: {canary} and then less", model, streamed=streamed)
        provider.heal()


@BOTH
@pytest.mark.parametrize("status", [400, 429, 500])
def test_an_error_that_quotes_what_was_sent(unlogged, chat, converse, provider, model, status):
    with unlogged() as canary:
        provider.fail(model, "status", status=status, message=f"You said {canary}.")
        assert chat(f"echo: {canary}", model) >= 400
        assert converse(f"echo: {canary}", model) >= 400
        assert chat(model=model, messages=[{"role": "nobody", "content": canary}]) >= 400


@BOTH
def test_requests_that_are_refused(unlogged, chat, converse, model):
    with unlogged() as canary:
        text = f"echo: {canary}"
        assert chat(text, model, temperature="hot") == 400
        assert chat(text, model, tools=[]) >= 200
        assert chat(text, model, tool_choice="required") >= 200
        assert chat(model=model, messages=canary) == 400
        assert chat(model=model, messages=[canary]) == 400
        assert chat(text, model, session_id={"in": canary}) == 400
        assert chat(text, model, enable_history=canary) == 400
        assert chat(text, model, promptVariables={canary: canary}) == 400
        assert chat(text, "no-such-model", tags=[canary]) == 400
        assert converse(text, model, inferenceConfig={"temperature": canary}) == 400
        assert converse(text, model, system=[{"text": canary}, {canary: canary}]) == 400
        assert converse(text, model, additionalModelRequestFields={"api_base": canary}) == 400
        assert converse(text, "no-such-model") == 400
        assert converse(model=model, messages=[assistant(canary)]) == 400


@BOTH
def test_a_guardrail_that_intervenes(unlogged, chat, converse, model):
    with unlogged() as canary:
        text = f"echo: forbidden-word {canary}@example.com"
        assert chat(text, model, guardrails=["grworkbench1"]) == 400
        assert converse(text, model, guardrailConfig=GUARDRAIL) == 200
        masked = f"echo: {canary}@example.com"
        assert chat(masked, model, guardrails=["grworkbench1"]) == 200
        assert converse(masked, model, guardrailConfig=GUARDRAIL) == 200


BROKEN = [
    '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "%s',
    '{"messages": "%s", }',
    "%s",
    '["%s"]',
    '"%s"',
    '{"session_id": {"%s": 1}}',
    '{"session_id": "%s", "more": "%s"}',
    "[" * 2000 + '"%s"',
]


@pytest.mark.parametrize(
    "path",
    [
        CHAT,
        on_bedrock(BEDROCK),
        on_bedrock(BEDROCK, True),
        "/chat-history",
        "/bedrock/chat-history",
        "/session-ids",
        "/v1/embeddings",
        "/v1/messages",
        "/v1/responses",
    ],
)
def test_bodies_that_are_no_request(unlogged, caller, path):
    with unlogged() as canary:
        for broken in BROKEN:
            body = broken.replace("%s", canary)
            assert sent(caller.http, path, body, {"content-type": "application/json"}) >= 400


@pytest.mark.parametrize(("path", "status"), [(CHAT, 413), (on_bedrock(BEDROCK), 400)])
def test_a_body_that_is_too_large(unlogged, caller, path, status):
    with unlogged() as canary:
        body = json.dumps({"model": OPENAI, "messages": [user(canary + " " * 65 * 2**20 + canary)]})
        answer = caller.http.post(path, content=body)
        assert answer.status_code == status and "larger than" in answer.text


@BOTH
@STREAMED
def test_a_caller_that_leaves(unlogged, caller, provider, model, streamed):
    provider.fail(model, "slow_chunks", seconds=0.2)
    with unlogged() as canary:
        text = f"echo: {canary} one two three four five six seven"
        messages = [{"role": "user", "content": text}]
        requests = (
            (CHAT, {"model": model, "messages": messages, "stream": streamed}),
            (on_bedrock(model, streamed), {"messages": [user(text)]}),
        )
        for path, body in requests:
            with (
                suppress(httpx.ReadTimeout),
                caller.http.stream("POST", path, json=body, timeout=0.5) as answer,
            ):
                next(answer.iter_raw())


HEADERS = ["authorization", "api-key", "x-api-key", "x-litellm-api-key", "x-goog-api-key"]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("form", ["Bearer sk-{}", "sk-{}", "{}"])
def test_keys_that_are_not_good(unlogged, stack, header, form):
    with (
        unlogged() as canary,
        httpx.Client(base_url=stack.base_url, trust_env=False, timeout=60) as http,
    ):
        headers = {header: form.format(canary)}
        message = {"role": "user", "content": f"echo: {canary}"}
        answers = [
            http.post(CHAT, json={"model": OPENAI, "messages": [message]}, headers=headers),
            http.post(on_bedrock(BEDROCK), json={"messages": [user(canary)]}, headers=headers),
            http.post("/chat-history", json={"session_id": canary}, headers=headers),
            http.post("/v1/embeddings", json={"model": "x", "input": canary}, headers=headers),
            http.get("/sessions", headers=headers),
            http.get("/v1/models", headers=headers),
        ]
        assert {answer.status_code for answer in answers} <= {401, 403}


def test_keys_in_paths_queries_and_bodies(unlogged, caller, chat):
    with unlogged() as canary:
        for path in (f"/key/info?key=sk-{canary}", f"/sessions?after=sk-{canary}"):
            caller.http.get(path)
        for path in (f"/sessions/sk-{canary}", f"/v1/sk-{canary}/models"):
            caller.http.get(path)
        chat("echo: x", api_key=f"sk-{canary}")
        chat("echo: y", session_id=f"sk-{canary}")
        caller.http.post("/key/delete", json={"keys": [f"sk-{canary}"]})
        caller.http.post("/key/generate", json={"key": f"sk-{canary}"})


def test_good_keys_and_the_stacks_own_secrets(stack, someone, master):
    someone_else = someone()
    session = someone_else.begin("echo: hello")
    assert someone_else.history(session).status_code == 200
    someone_else.converse("echo: hello")
    assert master.http.post("/key/block", json={"key": someone_else.key}).is_success
    assert master.http.post("/key/delete", json={"keys": [someone_else.key]}).is_success
    secret = {someone_else.key, *vars_of(stack.state.secrets())}
    for path in stack.state.logs.iterdir():
        text = path.read_text(errors="replace")
        assert not [value[:6] for value in secret if value in text], path.name


def vars_of(found):
    return [getattr(found, name) for name in type(found).__dataclass_fields__]


def test_a_litellm_that_dies_in_the_middle(unlogged, stack, caller, provider, chat, converse):
    """The last one here: the gateway needs half a minute until it is itself again."""
    provider.fail(OPENAI, "slow_chunks", seconds=0.2)
    with unlogged() as canary:
        text = f"echo: {canary} {'and on ' * 30}"
        stream = caller.say(text, stream=True)
        next(iter(stream))
        (litellm,) = (p for p in stack.state.snapshot()["components"] if p["name"] == "litellm")
        os.kill(litellm["pid"], signal.SIGKILL)
        with pytest.raises(httpx.RemoteProtocolError):
            list(stream)
        wait_until(lambda: chat(text) == 503, 5)
        assert converse(text) == 503
        wait_until(
            lambda: httpx.get(f"{stack.base_url}/readyz", timeout=60).status_code == 200, 120
        )
    assert chat("echo: as before") == 200
