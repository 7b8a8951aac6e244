"""A caller's `guardrailConfig` and the model that it is for, wherever that is named."""

from __future__ import annotations

import pytest

OWN = {"guardrailIdentifier": "own", "guardrailVersion": "1"}
OTHER = {"guardrailIdentifier": "other", "guardrailVersion": "1"}
MAPPED = {"guardrailIdentifier": "aid", "guardrailVersion": "1"}
CHAT = "/v1/chat/completions"


def model(name: str, provider: str = "bedrock", **params):
    return {"model_name": name, "litellm_params": {"model": f"{provider}/{name}", **params}}


@pytest.fixture(autouse=True)
def models(litellm):
    litellm.models = [model("plain"), model("guarded", guardrailConfig=OWN), model("gpt", "openai")]
    return litellm.models


def body(name: str | None, config=OTHER, **fields):
    named = {"model": name} if name else {}
    message = {"role": "user", "content": "hi"}
    return {
        **named,
        "messages": [message],
        "prompt": "hi",
        "max_tokens": 9,
        "guardrailConfig": config,
        **fields,
    }


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (f"{CHAT}?model=guarded", "plain"),
        (f"{CHAT}?model=guarded", None),
        (f"{CHAT}?m%6fdel=guarded", "plain"),
        ("/v1/messages?model=guarded", "plain"),
        ("/engines/guarded/completions", "plain"),
        ("/engines/guarded/completions", None),
        ("/openai/deployments/guarded/completions", "plain"),
        ("/openai/deployments/guarded/completions", None),
        ("/openai/deployments/guarded/embeddings", None),
        ("/engines/guarded/chat/completions", "plain"),
        ("/engines/guarded/chat/completions", None),
    ],
)
async def test_the_model_counts_wherever_it_is_named(litellm, closed, path, named):
    refused = await closed.post(path, json=body(named))
    assert (refused.status_code, refused.json()["error"].get("code")) == (400, "invalid_guardrails")
    assert not litellm.calls


@pytest.mark.parametrize("path", [CHAT, "/v1/completions"])
@pytest.mark.parametrize(
    "fields",
    [
        {"fallbacks": ["guarded"]},
        {"context_window_fallbacks": [{"plain": ["guarded"]}]},
        {"content_policy_fallbacks": [{"plain": ["guarded"]}]},
        {"user_config": {"model_list": []}},
        {"router_settings_override": {"fallbacks": []}, "models": ["guarded"]},
    ],
)
async def test_no_other_model_beside_it(litellm, closed, path, fields):
    refused = await closed.post(path, json=body("plain", **fields))
    assert refused.status_code == 400
    assert "cannot be used together with guardrailConfig" in refused.json()["error"]["message"]
    assert not litellm.calls


@pytest.mark.parametrize("name", ["bedrock/anything", "plain,guarded", ["plain", "guarded"], None])
async def test_what_guards_a_model_that_nobody_here_knows_is_not_known(litellm, closed, name):
    for path in (CHAT, "/v1/completions"):
        refused = await closed.post(path, json=body(name))
        assert refused.json()["error"]["code"] == "invalid_guardrails"
    assert not litellm.calls


async def test_nor_over_converse(litellm, closed):
    messages = [{"role": "user", "content": [{"text": "hi"}]}]
    request = {"messages": messages, "guardrailConfig": OTHER}
    refused = await closed.post("/bedrock/model/bedrock%2Fanything/converse", json=request)
    assert refused.headers["x-amzn-errortype"] == "ValidationException"
    assert "is not known" in refused.json()["message"]
    nobody = await closed.post(
        "/bedrock/model/anything/converse", json=request, headers={"authorization": "Bearer x"}
    )
    assert "AccessDenied" in nobody.headers["x-amzn-errortype"]
    assert not litellm.calls


@pytest.mark.parametrize("path", [CHAT, "/v1/completions", "/engines/plain/completions"])
async def test_one_model_that_is_known_is_served(litellm, closed, path):
    assert (await closed.post(path, json=body("plain"))).status_code == 200
    assert litellm.calls[-1]["guardrailConfig"] == OTHER


@pytest.mark.parametrize(("role", "status"), [("proxy_admin", 200), ("proxy_admin_viewer", 403)])
async def test_only_who_may_write_steers_guardrails(litellm, closed, role, status):
    litellm.role = role
    fields = {"model": "plain", "prompt": "hi", "disable_global_guardrails": True}
    assert (await closed.post("/v1/completions", json=fields)).status_code == status


async def test_one_in_the_place_of_bedrocks_own_is_never_left_out(litellm, open_):
    litellm.down = {"a"}
    for more in ({}, {"guardrails": ["b"]}, {"guardrails": ["a"]}):
        refused = await open_.post(CHAT, json=body("gpt", MAPPED, **more))
        assert refused.json()["error"]["code"] == "guardrail_unavailable", more
        fields = {"additionalModelRequestFields": more} if more else {}
        messages = [{"role": "user", "content": [{"text": "hi"}]}]
        refused = await open_.post(
            "/bedrock/model/gpt/converse",
            json={"messages": messages, "guardrailConfig": MAPPED, **fields},
        )
        assert refused.headers["x-amzn-errortype"] == "ServiceUnavailableException", more
    headers = {
        "x-amzn-bedrock-guardrailidentifier": "aid",
        "x-amzn-bedrock-guardrailversion": "1",
    }
    native = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9}
    native["messages"] = [{"role": "user", "content": "hi"}]
    refused = await open_.post("/bedrock/model/gpt/invoke", json=native, headers=headers)
    assert refused.headers["x-amzn-errortype"] == "ServiceUnavailableException"
    assert all("a" in call["guardrails"] for call in litellm.calls)


async def test_but_one_that_was_named_beside_it_is(litellm, open_):
    litellm.down = {"b"}
    answer = await open_.post(CHAT, json=body("gpt", MAPPED, guardrails=["b"]))
    assert answer.status_code == 200
    assert answer.headers["x-guardrail-warning"] == "not applied: b"
    assert [call["guardrails"] for call in litellm.calls] == [["b", "a"], ["a"]]
