"""Which guardrails a call may name, and what it may not say of them, on both interfaces."""

from __future__ import annotations

import httpx
import openai
import pytest

from tests.conftest import wait_until
from tests.stack.callers import BEDROCK, GUARDRAIL, OPENAI, STREAMED

from .conftest import FORBIDDEN, NAME

pytestmark = pytest.mark.usefixtures("provider")


def chat(caller, text: str = "echo: hello", **fields) -> httpx.Response:
    message = {"role": "user", "content": text}
    body = {"model": OPENAI, "messages": [message], **fields}
    return caller.http.post("/v1/chat/completions", json=body)


def code(answer: httpx.Response) -> str:
    return answer.json()["error"]["code"]


def test_the_seeds_curl(caller):
    """The seed's example: a guardrail by name, at the chat route."""
    assert chat(caller, guardrails=[NAME]).status_code == 200
    blocked = chat(caller, f"echo: {FORBIDDEN}", guardrails=[NAME])
    assert (blocked.status_code, code(blocked)) == (400, "content_filter")


@STREAMED
def test_a_name_that_no_guardrail_has_is_refused(caller, provider, marker, streamed):
    with pytest.raises(openai.BadRequestError, match="no guardrail 'nosuch'") as refused:
        caller.say(marker, stream=streamed, extra_body={"guardrails": [NAME, "nosuch"]})
    assert refused.value.code == "unknown_guardrail"
    named = {"additionalModelRequestFields": {"guardrails": ["nosuch"]}}
    with pytest.raises(caller.bedrock.exceptions.ValidationException, match="'nosuch'"):
        message = {"role": "user", "content": [{"text": marker}]}
        call = caller.bedrock.converse_stream if streamed else caller.bedrock.converse
        call(modelId=BEDROCK, messages=[message], **named)
    assert not provider.received(marker)


@pytest.mark.parametrize(
    "names", [NAME, {NAME: True}, [{NAME: {}}], [1], [""], [None], [NAME] * 30]
)
def test_what_is_no_list_of_names_is_refused(caller, provider, marker, names):
    if isinstance(names, list) and len(names) == 30:
        names = [f"{NAME}{number}" for number in range(30)]
    refused = chat(caller, marker, guardrails=names)
    assert (refused.status_code, code(refused)) == (400, "invalid_guardrails")
    with pytest.raises(
        caller.bedrock.exceptions.ValidationException, match=r"list of names|at most"
    ):
        caller.converse(marker, additionalModelRequestFields={"guardrails": names})
    assert not provider.received(marker)


STEERING = [
    {"disable_global_guardrails": True},
    {"disable_global_guardrail": True},
    {"opted_out_global_guardrails": [NAME]},
    {"guardrail_config": {"x": 1}},
    {"policies": ["none"]},
    {"applied_guardrails": [NAME]},
    {"_guardrail_pipelines": []},
    {"include_guardrail_response": True},
]


@pytest.mark.parametrize("steering", STEERING, ids=lambda fields: next(iter(fields)))
@pytest.mark.parametrize("inside", ["", "metadata", "litellm_metadata", "extra_body", "text"])
def test_a_caller_does_not_steer_guardrails(caller, provider, marker, steering, inside):
    if inside == "text":
        import json

        fields = {"metadata": json.dumps(steering)}
    else:
        fields = {inside: steering} if inside else steering
    refused = chat(caller, marker, **fields)
    assert (refused.status_code, code(refused)) == (403, "guardrails_not_yours")
    assert not provider.received(marker)


@pytest.mark.parametrize(
    "path", ["/v1/completions", "/v1/responses", "/v1/messages", "/engines/x/completions"]
)
def test_nor_on_paths_that_are_passed_through(caller, provider, marker, path):
    body = {"model": OPENAI, "prompt": marker, "input": marker, "max_tokens": 9}
    body["messages"] = [{"role": "user", "content": marker}]
    for fields, status in (
        ({"metadata": {"guardrails": []}}, 403),
        ({"disable_global_guardrails": True}, 403),
        ({"guardrails": ["nosuch"]}, 400),
        ({"guardrails": NAME}, 400),
        ({"guardrailConfig": None}, 400),
    ):
        assert caller.http.post(path, json={**body, **fields}).status_code == status, fields
    assert not provider.received(marker)


def test_a_name_written_with_escapes_is_read_all_the_same(caller, provider, marker):
    for name in (r"guardr\u0061ils", r"\u0067uardrails"):
        body = f'{{"model": "{OPENAI}", "input": "{marker}", "{name}": ["nosuch"]}}'
        headers = {"content-type": "application/json"}
        refused = caller.http.post("/v1/responses", content=body, headers=headers)
        assert refused.status_code == 400, refused.text
    assert not provider.received(marker)


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/rerank", "/openai/v1/whatever"])
def test_a_guardrail_is_not_named_where_it_would_not_be_applied(caller, path):
    refused = caller.http.post(path, json={"model": OPENAI, "prompt": "x", "guardrails": [NAME]})
    assert refused.status_code == 400
    assert "not applied on this path" in refused.json()["error"]["message"]


def test_nor_in_a_form(caller):
    form = {"model": "whisper", "guardrails": NAME}
    refused = caller.http.post("/v1/audio/transcriptions", data=form, files={"file": b"RIFF"})
    assert refused.status_code == 400
    assert "in a form" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/completions", {"prompt": f"echo: {FORBIDDEN}"}),
        ("/v1/responses", {"input": f"echo: {FORBIDDEN}"}),
        ("/v1/messages", {"messages": [{"role": "user", "content": FORBIDDEN}], "max_tokens": 9}),
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": FORBIDDEN}),
    ],
)
def test_the_other_paths_apply_a_guardrail(caller, path, fields):
    blocked = caller.http.post(path, json={"model": OPENAI, **fields, "guardrails": [NAME]})
    assert blocked.status_code == 400
    assert blocked.json()["error"]["guardrail"]
    assert ("type" in blocked.json()) == (path == "/v1/messages")


def test_an_administrator_may_steer_them(master):
    assert chat(master, metadata={"guardrails": [NAME]}).status_code == 200


def test_whoever_has_no_key_learns_nothing(caller):
    refused = httpx.post(
        f"{caller.url}/v1/chat/completions",
        json={"model": OPENAI, "messages": [], "guardrails": ["nosuch"]},
        headers={"authorization": "Bearer sk-wrong"},
        trust_env=False,
        timeout=60,
    )
    assert (refused.status_code, code(refused)) == (401, "invalid_api_key")


def test_a_guardrail_can_be_named_as_soon_as_it_is_made(caller, master, marker):
    name = f"made-{marker}"
    params = {"guardrail": "bedrock", "mode": "pre_call", "guardrailIdentifier": NAME}
    params |= {"guardrailVersion": "1"}
    guardrail = {"guardrail_name": name, "litellm_params": params}
    assert code(chat(caller, guardrails=[name])) == "unknown_guardrail"
    made = master.http.post("/guardrails", json={"guardrail": guardrail})
    assert made.status_code == 200, made.text
    wait_until(lambda: chat(caller, guardrails=[name]).status_code != 400, 5)
    master.http.delete(f"/guardrails/{made.json()['guardrail_id']}")
    wait_until(lambda: chat(caller, guardrails=[name]).status_code == 400, 10)


def test_bedrocks_guardrail_on_openais_interface(caller, provider, marker):
    """For a model of another provider it is LiteLLM's of the same id; never neither."""
    config = {"guardrailConfig": GUARDRAIL}
    assert code(chat(caller, f"echo: {FORBIDDEN}", **config)) == "content_filter"
    answer = chat(caller, f"echo: {marker}@example.com", **config)
    assert answer.json()["choices"][0]["message"]["content"] == "{EMAIL}"
    unknown = {"guardrailConfig": {**GUARDRAIL, "guardrailIdentifier": "nosuch"}}
    assert code(chat(caller, marker, **unknown)) == "unknown_guardrail"
    blocked = chat(caller, f"echo: {FORBIDDEN}", model=BEDROCK, **config).json()["choices"][0]
    assert blocked["finish_reason"] == "content_filter"
