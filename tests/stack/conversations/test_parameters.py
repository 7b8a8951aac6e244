"""What a client asks for beside its question: the provider gets it all, and refuses in its own words."""

from __future__ import annotations

import json

import openai
import pytest

from tests.stack.callers import BEDROCK, BOTH, OPENAI, STREAMED

from .weather import TOOLS

pytestmark = pytest.mark.usefixtures("provider")

PARAMETERS = {
    "temperature": 0.3,
    "top_p": 0.9,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "logit_bias": {"50256": -100},
    "stop": ["END"],
    "max_completion_tokens": 50,
    "seed": 7,
    "user": "ada",
    "metadata": {"team": "red"},
    "response_format": {"type": "json_object"},
    "tools": TOOLS,
    "tool_choice": "none",
    "parallel_tool_calls": False,
    "service_tier": "auto",
    "prompt_cache_key": "key",
    "safety_identifier": "ada",
    "n": 1,
}


@pytest.fixture
def litellm(stack, caller):
    """OpenAI's SDK at LiteLLM itself, past the front door."""
    (address,) = (p["address"] for p in stack.snapshot["components"] if p["name"] == "litellm")
    with openai.OpenAI(base_url=f"{address}/v1", api_key=caller.key, max_retries=0) as client:
        yield client


@pytest.mark.parametrize(
    "ours",
    [{}, {"enable_history": True}, {"enable_history": False}, {"session_id": None}],
    ids=["default", "kept", "not kept", "null"],
)
@STREAMED
def test_what_the_sdk_sends_reaches_the_provider_as_if_nothing_were_kept(
    caller, litellm, provider, marker, ours, streamed
):
    def received(client, name, extra):
        answer = client.chat.completions.create(
            model=OPENAI,
            messages=[{"role": "user", "content": f"echo: {{}} in JSON {name}", "name": "ada"}],
            extra_body=extra,
            stream=streamed,
            **({"stream_options": {"include_usage": True}} if streamed else {}),
            **PARAMETERS,
        )
        assert list(answer) if streamed else answer.choices
        return json.loads(provider.only(name).text.replace(name, ""))

    through = received(caller.openai, f"{marker}a", ours)
    assert through == received(litellm, f"{marker}b", {})
    assert through["seed"] == 7 and through["user"] == "ada" and through["tools"] == TOOLS


def test_a_later_turn_brings_all_its_parameters_too(caller, provider, marker):
    session = caller.begin(f"echo: {marker}")
    caller.say(f"echo: JSON {marker}", extra_body={"session_id": session}, **PARAMETERS)
    first, second = (entry.body for entry in provider.received(marker))
    sent = {name: second[name] for name in PARAMETERS if name in second}
    assert (
        sent.items() >= {k: v for k, v in PARAMETERS.items() if k not in ("metadata", "n")}.items()
    )
    assert not second.keys() - first.keys() - PARAMETERS.keys()


@pytest.mark.parametrize("wish", [{"n": 2}, {"logprobs": True, "top_logprobs": 2}])
def test_what_the_provider_refuses_is_refused_in_its_own_words(caller, litellm, marker, wish):
    messages = [{"role": "user", "content": f"echo: {marker}"}]
    refusals = []
    for client in (caller.openai, litellm):
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model=OPENAI, messages=messages, **wish)
        refusals.append(refused.value)
    assert refusals[0].body == refusals[1].body
    session = refusals[0].response.headers["x-session-id"]
    ((turn,), spoken) = caller.turns(session), caller.spoken(session)
    assert (turn["complete"], turn["status"], spoken) == (False, 400, [])


@BOTH
def test_store_false_keeps_nothing(caller, provider, database, marker, model):
    answer = caller.say(f"echo: {marker}", model, store=False)
    assert "session_id" not in answer.model_extra
    assert provider.only(marker).body.get("store") is (False if model == OPENAI else None)
    query = "SELECT count(*) FROM turns WHERE messages::text LIKE %s"
    assert database.execute(query, [f"%{marker}%"]).fetchone() == (0,)


def test_usage_is_booked_to_the_turn_and_shown_only_to_who_asks(caller, marker):
    quiet = list(caller.say(f"echo: {marker}", BEDROCK, stream=True))
    assert not any(chunk.usage for chunk in quiet)
    loud = list(
        caller.say(
            f"echo: {marker} again", BEDROCK, stream=True, stream_options={"include_usage": True}
        )
    )
    assert loud[-1].usage.prompt_tokens
    for chunks in (quiet, loud):
        (turn,) = caller.turns(chunks[0].session_id)
        used = turn["usage"]
        cost = used["prompt_tokens"] * 0.25e-6 + used["completion_tokens"] * 1.25e-6
        assert turn["cost"] == pytest.approx(cost) and turn["complete"]
