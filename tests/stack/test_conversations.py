"""Kept conversations through the whole chain, with the clients that people hold."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from urllib.parse import quote
from uuid import uuid4

import httpx
import openai
import pytest
from botocore.exceptions import EventStreamError

from tests.contract.turns import png

from .callers import BEDROCK, OPENAI, continued, spoken_text, streamed_text

PICTURE = png(120)
IMAGE_URL = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
IMAGE_PART = {"type": "image_url", "image_url": {"url": IMAGE_URL}}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [
    {
        "type": "function",
        "function": {"name": "get_weather", "description": "A city's.", "parameters": SCHEMA},
    }
]
TOOL_CONFIG = {
    "tools": [
        {
            "toolSpec": {
                "name": "get_weather",
                "description": "A city's.",
                "inputSchema": {"json": SCHEMA},
            }
        }
    ]
}
GUARDRAIL = {"guardrailIdentifier": "grworkbench1", "guardrailVersion": "1"}
BOTH = pytest.mark.parametrize("model", [OPENAI, BEDROCK])
STREAMED = pytest.mark.parametrize("streamed", [False, True])
WAYS = pytest.mark.parametrize(
    ("first", "then"),
    [(OPENAI, OPENAI), (BEDROCK, BEDROCK), (OPENAI, BEDROCK), (BEDROCK, OPENAI)],
)

pytestmark = pytest.mark.usefixtures("provider")


def in_openais_form(city, call):
    """The first turns of a conversation about the weather, as OpenAI's wire has them."""
    arguments = json.dumps({"city": city}, separators=(",", ":"))
    function = {"name": "get_weather", "arguments": arguments}
    return [
        {"role": "system", "content": "Be kind."},
        {
            "role": "user",
            "content": [{"type": "text", "text": asking(city)}, IMAGE_PART],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": call, "content": "mild"},
    ]


def in_converses_form(city, call):
    """The same as Converse has it, the system text apart."""
    use = {"toolUseId": call, "name": "get_weather", "input": {"city": city}}
    image = {"format": "png", "source": {"bytes": base64.b64encode(PICTURE).decode()}}
    return [
        {"role": "user", "content": [{"text": asking(city)}, {"image": image}]},
        {"role": "assistant", "content": [{"toolUse": use}]},
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": call, "content": [{"text": "mild"}]}}],
        },
    ]


def asking(city):
    return f'call: get_weather {{"city": "{city}"}}'


def normal(message):
    """A message of OpenAI's without members that are null, and its arguments read."""
    kept = {name: value for name, value in message.items() if value is not None}
    for call in kept.get("tool_calls", ()):
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        call.pop("index", None)
    return kept


def assert_provider_saw_the_weather(received, city, call, *rest):
    """The image and the tool's blocks in the provider's own form, then `rest` as (role, text)."""
    if received.wire == "openai":
        wanted = [*in_openais_form(city, call), *({"role": r, "content": t} for r, t in rest)]
        assert [normal(m) for m in received.body["messages"]] == [normal(m) for m in wanted]
    else:
        wanted = in_converses_form(city, call)
        wanted += [{"role": role, "content": [{"text": text}]} for role, text in rest]
        assert received.body["messages"] == wanted
        assert received.body["system"] == [{"text": "Be kind."}]


@WAYS
def test_begun_with_the_openai_sdk_and_continued_with_boto3_and_back(
    caller, provider, marker, first, then
):
    begun = caller.openai.chat.completions.create(
        model=first,
        messages=[
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": asking(marker)}, IMAGE_PART]},
        ],
        tools=TOOLS,
    )
    (call,) = begun.choices[0].message.tool_calls
    session = begun.model_extra["session_id"]
    result = {"toolResult": {"toolUseId": call.id, "content": [{"text": "mild"}]}}
    answer = caller.bedrock.converse(
        modelId=then,
        messages=[{"role": "user", "content": [result]}],
        toolConfig=TOOL_CONFIG,
        **continued(session),
    )
    said = answer["output"]["message"]["content"][0]["text"]
    assert said.startswith("The tool returned mild.")
    assert_provider_saw_the_weather(provider.received(marker)[-1], marker, call.id)

    stream = caller.bedrock.converse_stream(
        modelId=first,
        messages=[{"role": "user", "content": [{"text": "echo: streamed"}]}],
        toolConfig=TOOL_CONFIG,
        **continued(session),
    )
    assert streamed_text(stream) == "streamed"
    rest = [("assistant", said), ("user", "echo: streamed")]
    assert_provider_saw_the_weather(provider.received(marker)[-1], marker, call.id, *rest)

    back = caller.say(
        "echo: back", then, stream=True, tools=TOOLS, extra_body={"session_id": session}
    )
    assert spoken_text(back) == "back"
    rest += [("assistant", "streamed"), ("user", "echo: back")]
    assert_provider_saw_the_weather(provider.received(marker)[-1], marker, call.id, *rest)


@WAYS
@STREAMED
def test_begun_with_boto3_and_continued_with_the_openai_sdk(
    caller, provider, marker, first, then, streamed
):
    request = {
        "modelId": first,
        "system": [{"text": "Be kind."}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": asking(marker)},
                    {"image": {"format": "png", "source": {"bytes": PICTURE}}},
                ],
            }
        ],
        "toolConfig": TOOL_CONFIG,
    }
    if streamed:
        begun = caller.bedrock.converse_stream(**request)
        starts = [
            e["contentBlockStart"]["start"] for e in begun["stream"] if "contentBlockStart" in e
        ]
        call = next(start["toolUse"]["toolUseId"] for start in starts if "toolUse" in start)
    else:
        begun = caller.bedrock.converse(**request)
        blocks = begun["output"]["message"]["content"]
        call = next(block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block)
    session = begun["ResponseMetadata"]["HTTPHeaders"]["x-session-id"]
    answer = caller.openai.chat.completions.create(
        model=then,
        messages=[{"role": "tool", "tool_call_id": call, "content": "mild"}],
        tools=TOOLS,
        extra_body={"session_id": session},
    )
    assert answer.choices[0].message.content.startswith("The tool returned mild.")
    assert_provider_saw_the_weather(provider.received(marker)[-1], marker, call)


def test_a_conversation_of_images_and_tools_is_read_in_both_forms(caller, marker):
    begun = caller.openai.chat.completions.create(
        model=OPENAI,
        messages=[
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": asking(marker)}, IMAGE_PART]},
        ],
        tools=TOOLS,
    )
    (call,) = begun.choices[0].message.tool_calls
    session = begun.model_extra["session_id"]
    caller.openai.chat.completions.create(
        model=OPENAI,
        messages=[{"role": "tool", "tool_call_id": call.id, "content": "mild"}],
        tools=TOOLS,
        extra_body={"session_id": session},
    )
    kept = caller.spoken(session)
    assert [normal(m) for m in kept[:4]] == [normal(m) for m in in_openais_form(marker, call.id)]
    read = caller.http.post("/bedrock/chat-history", json={"session_id": session}).json()
    assert read["messages"][:3] == in_converses_form(marker, call.id)
    assert read["system"] == [{"text": "Be kind."}]


def test_what_was_read_in_converses_form_can_be_sent_to_converse(caller, provider, marker):
    session = caller.begin(f"echo: {marker}")
    read = caller.http.post("/bedrock/chat-history", json={"session_id": session}).json()
    question = {"role": "user", "content": [{"text": f"echo: again {marker}"}]}
    caller.bedrock.converse(modelId=BEDROCK, messages=[*read["messages"], question])
    assert provider.received(marker)[-1].body["messages"] == [*read["messages"], question]


@STREAMED
def test_a_guardrail_of_litellms_checks_every_turn_of_a_conversation(
    caller, provider, marker, streamed
):
    named = {"guardrails": ["grworkbench1"]}
    begun = caller.say(f"echo: {marker}@example.com", extra_body=named)
    assert begun.choices[0].message.content == "{EMAIL}"
    named["session_id"] = begun.model_extra["session_id"]
    second = caller.say(f"echo: and {marker}", stream=streamed, extra_body=named)
    said = spoken_text(second) if streamed else second.choices[0].message.content
    assert said == f"and {marker}"
    models = [entry for entry in provider.received(marker) if "messages" in entry.body]
    (asked,) = [entry.body["messages"] for entry in models]
    assert [message["content"] for message in asked] == [
        "echo: {EMAIL}",
        "{EMAIL}",
        f"echo: and {marker}",
    ]


def test_a_guardrail_of_bedrocks_is_named_again_in_a_later_turn(caller, provider, marker):
    begun = caller.converse(f"echo: {marker}", guardrailConfig=GUARDRAIL)
    session = begun["ResponseMetadata"]["HTTPHeaders"]["x-session-id"]
    answer = caller.converse(
        f"echo: forbidden-word {marker}", guardrailConfig=GUARDRAIL, **continued(session)
    )
    assert answer["stopReason"] == "guardrail_intervened"
    (_, second) = provider.received(marker)
    assert second.body["guardrailConfig"] == GUARDRAIL
    assert len(second.body["messages"]) == 3
    assert caller.spoken(session)[-1]["content"] == "Sorry, the model cannot answer this question."


def test_a_question_that_a_guardrail_refuses_is_an_incomplete_turn(caller, provider, marker):
    session = caller.begin(f"echo: {marker}")
    with pytest.raises(openai.BadRequestError) as refused:
        caller.say(
            f"echo: forbidden-word {marker}",
            extra_body={"session_id": session, "guardrails": ["grworkbench1"]},
        )
    assert refused.value.response.headers["x-session-id"] == session
    assert [turn["complete"] for turn in caller.turns(session)] == [True, False]
    assert "forbidden-word" not in str(caller.spoken(session))
    caller.say(f"echo: then {marker}", extra_body={"session_id": session})
    assert "forbidden-word" not in provider.received(marker)[-1].text


@pytest.fixture
def azure(caller):
    with openai.AzureOpenAI(
        azure_endpoint=caller.url,
        api_key=caller.key,
        api_version="2024-10-21",
        max_retries=0,
    ) as client:
        yield client


@BOTH
@STREAMED
def test_azures_client_has_a_memory_too(azure, provider, marker, model, streamed):
    message = {"role": "user", "content": f"echo: {marker}"}
    begun = azure.chat.completions.create(model=model, messages=[message])
    session = begun.model_extra["session_id"]
    more = azure.chat.completions.create(
        model=model, messages=[message], stream=streamed, extra_body={"session_id": session}
    )
    if streamed:
        chunks = list(more)
        assert chunks[0].session_id == session and spoken_text(chunks) == marker
    assert len(provider.received(marker)[-1].body["messages"]) == 3


@pytest.mark.parametrize(
    "path",
    [
        f"/openai/deployments/{OPENAI}/chat/completions",
        f"/engines/{OPENAI}/chat/completions",
        "/chat/completions",
        "/v1/chat/completions",
    ],
)
@pytest.mark.parametrize("header", ["authorization", "api-key", "x-api-key", "x-litellm-api-key"])
def test_every_path_and_every_header_for_a_key_lead_to_one_history(
    caller, provider, marker, path, header
):
    session = caller.begin(f"echo: {marker}")
    value = (
        f"Bearer {caller.key}" if header in ("authorization", "x-litellm-api-key") else caller.key
    )
    answer = httpx.post(
        caller.url + path,
        headers={header: value},
        json={
            "model": OPENAI,
            "messages": [{"role": "user", "content": f"echo: more {marker}"}],
            "session_id": session,
        },
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["session_id"] == answer.headers["x-session-id"] == session
    assert len(provider.received(marker)[-1].body["messages"]) == 3


@BOTH
@pytest.mark.parametrize("safe", ["", ":"])
def test_a_model_in_the_path_may_be_encoded(caller, marker, model, safe):
    answer = caller.http.post(
        f"/engines/{quote(model, safe=safe)}/chat/completions",
        json={"messages": [{"role": "user", "content": f"echo: {marker}"}]},
    )
    assert answer.status_code == 200, answer.text
    assert caller.spoken(answer.headers["x-session-id"])[1]["content"] == marker


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


@STREAMED
def test_a_client_that_takes_gzip_gets_what_it_can_read(caller, marker, streamed):
    text = " ".join(map(str, range(400)))
    body = {
        "model": OPENAI,
        "messages": [{"role": "user", "content": f"echo: {marker} {text}"}],
        "stream": streamed,
    }
    headers = {"accept-encoding": "gzip, br, zstd"}
    for more in ({}, {"enable_history": False}):
        answer = caller.http.post("/v1/chat/completions", json={**body, **more}, headers=headers)
        assert answer.status_code == 200 and "399" in answer.text


@STREAMED
def test_headers_of_litellms_and_ours_are_there(caller, marker, streamed):
    raw = caller.openai.chat.completions.with_raw_response.create(
        model=OPENAI,
        messages=[{"role": "user", "content": f"echo: {marker}"}],
        stream=streamed,
        extra_headers={"x-request-id": marker},
    )
    answer = raw.parse()
    headers, session = raw.headers, raw.headers["x-session-id"]
    if streamed:
        assert spoken_text(answer) == marker
    else:
        assert answer.model_extra["session_id"] == session
        assert float(headers["x-litellm-response-cost"]) > 0
    assert headers["x-litellm-model-id"] and headers["x-litellm-call-id"]
    assert headers["x-request-id"] == marker
    assert caller.turns(session)[0]["request_id"] == marker


@STREAMED
def test_a_throttled_turn_says_when_to_try_again_and_can_be_tried_again(
    caller, provider, marker, streamed
):
    session = caller.begin(f"echo: {marker}")
    provider.fail(OPENAI, "status", status=429, retry_after=7, count=1)
    request = {"stream": streamed, "extra_body": {"session_id": session}}
    with pytest.raises(openai.RateLimitError) as throttled:
        caller.say(f"echo: again {marker}", **request)
    headers = throttled.value.response.headers
    assert (headers["retry-after"], headers["x-session-id"]) == ("7", session)
    assert any(name.startswith("x-litellm-") for name in headers)
    answer = caller.say(f"echo: again {marker}", **request)
    if streamed:
        assert spoken_text(answer) == f"again {marker}"
    kept = [(turn["complete"], turn["status"]) for turn in caller.turns(session)]
    assert kept == [(True, 200), (False, 429), (True, 200)]
    assert len(provider.received(marker)[-1].body["messages"]) == 3


@BOTH
def test_a_throttled_turn_on_bedrock_says_so_too(caller, provider, marker, model):
    begun = caller.converse(f"echo: {marker}", model)
    session = begun["ResponseMetadata"]["HTTPHeaders"]["x-session-id"]
    provider.fail(model, "status", status=429, retry_after=7, count=1)
    with pytest.raises(caller.bedrock.exceptions.ThrottlingException) as throttled:
        caller.converse(f"echo: again {marker}", model, **continued(session))
    headers = throttled.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["retry-after"].startswith("7")
    caller.converse(f"echo: again {marker}", model, **continued(session))
    assert [turn["complete"] for turn in caller.turns(session)] == [True, False, True]


@BOTH
@pytest.mark.parametrize("kind", ["error_event", "cut_mid_stream"])
def test_what_was_said_before_a_stream_broke_off_is_kept_as_incomplete(
    caller, provider, marker, model, kind
):
    provider.fail(model, "slow_chunks", seconds=0.05, count=1)
    provider.fail(model, kind, after_tokens=6, count=1)
    text = f"{marker} one two three four five six seven eight"
    chunks = []
    with pytest.raises(openai.APIError):
        chunks += caller.say(f"echo: {text}", model, stream=True)
    (session,) = caller.http.post("/session-ids", json={"limit": 1}).json()["session_ids"]
    (turn,) = caller.turns(session)
    assert not turn["complete"]
    question, partial = turn["messages"]
    assert question["content"] == f"echo: {text}"
    assert partial["content"] and text.startswith(partial["content"]) and partial["content"] != text
    caller.say(f"echo: go on {marker}", model, extra_body={"session_id": session})
    seen = provider.received(marker)[-1].body["messages"]
    assert [message["role"] for message in seen] == ["user", "assistant", "user"]
    assert partial["content"].strip() in json.dumps(seen[1])


@BOTH
def test_a_converse_stream_that_breaks_off_is_kept_as_incomplete(caller, provider, marker, model):
    provider.fail(model, "slow_chunks", seconds=0.05, count=1)
    provider.fail(model, "cut_mid_stream", after_tokens=6, count=1)
    message = {"role": "user", "content": [{"text": f"echo: {marker} one two three four five six"}]}
    answer = caller.bedrock.converse_stream(modelId=model, messages=[message])
    session = answer["ResponseMetadata"]["HTTPHeaders"]["x-session-id"]
    with pytest.raises(EventStreamError):
        list(answer["stream"])
    answer["stream"].close()
    (turn,) = caller.turns(session)
    assert not turn["complete"] and turn["messages"][1]["content"]
    more = caller.converse(f"echo: go on {marker}", model, **continued(session))
    assert more["stopReason"] == "end_turn"


async def test_the_async_client_holds_many_conversations_at_once(caller, marker):
    async with openai.AsyncOpenAI(
        base_url=f"{caller.url}/v1", api_key=caller.key, max_retries=0
    ) as client:

        async def talk(number):
            session, texts = None, [f"echo: {marker} {number} {turn}" for turn in range(3)]
            for text in texts:
                stream = await client.chat.completions.create(
                    model=OPENAI,
                    messages=[{"role": "user", "content": text}],
                    stream=True,
                    extra_body={"session_id": session},
                )
                chunks = [chunk async for chunk in stream]
                assert session in (None, chunks[0].session_id)
                session = chunks[0].session_id
            return session, texts

        talks = await asyncio.gather(*(talk(number) for number in range(8)))
    assert len({session for session, _ in talks}) == 8
    for session, texts in talks:
        assert [m["content"] for m in caller.spoken(session)[::2]] == texts


def readings(caller, session):
    """The status of everything that shows, or deletes, a conversation."""
    body = {"session_id": session}
    answers = [
        caller.http.post("/chat-history", json=body),
        caller.http.post("/bedrock/chat-history", json=body),
        caller.http.post("/session-ids", json={}),
        caller.http.get("/sessions"),
        caller.http.get(f"/sessions/{session}"),
    ]
    return {answer.status_code for answer in answers}


def test_a_key_that_is_no_longer_good_reads_and_continues_nothing_within_thirty_seconds(
    someone, master, provider, marker
):
    callers = {
        "deleted": someone(),
        "blocked": someone(),
        "expired": someone(duration="20s"),
    }
    sessions = {why: one.begin(f"echo: {marker}") for why, one in callers.items()}
    for why, one in callers.items():
        assert readings(one, sessions[why]) == {200}
    assert master.http.post("/key/delete", json={"keys": [callers["deleted"].key]}).is_success
    assert master.http.post("/key/block", json={"key": callers["blocked"].key}).is_success

    deadline = time.monotonic() + 30
    open_ = dict(callers)
    while open_:
        assert time.monotonic() < deadline, f"still reads: {list(open_)}"
        time.sleep(0.25)
        for why, one in list(open_.items()):
            if readings(one, sessions[why]) == {401, 403}:
                del open_[why]

    provider_saw = len(provider.received(marker))
    for why, one in callers.items():
        with pytest.raises(openai.AuthenticationError):
            one.say(f"And now? {marker}", extra_body={"session_id": sessions[why]})
        with pytest.raises(one.bedrock.exceptions.AccessDeniedException):
            one.converse(f"And now? {marker}", **continued(sessions[why]))
        assert one.http.delete(f"/sessions/{sessions[why]}").status_code == 401
        assert len(master.spoken(sessions[why])) == 2
    assert len(provider.received(marker)) == provider_saw


def test_twenty_made_up_keys_leave_no_row(someone, database, provider, marker):
    count = "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM turns)"
    before = database.execute(count).fetchone()
    for number in range(20):
        stranger = someone(key=f"sk-{uuid4().hex}" if number % 2 else uuid4().hex)
        for body in ({"stream": True}, {"session_id": str(uuid4())}):
            answer = stranger.http.post(
                "/v1/chat/completions",
                json={
                    "model": OPENAI,
                    "messages": [{"role": "user", "content": f"echo: {marker}"}],
                    **body,
                },
            )
            assert answer.status_code == 401
        answer = stranger.http.post(
            f"/bedrock/model/{BEDROCK}/converse",
            json={"messages": [{"role": "user", "content": [{"text": marker}]}]},
        )
        assert answer.status_code == 403
    assert database.execute(count).fetchone() == before
    assert provider.received(marker) == []


def paged(fetch, name, **first):
    """All items of a list, asked for two at a time."""
    items, place = [], first
    while True:
        page = fetch(place)
        items += page[name]
        assert len(page[name]) <= 2
        if page["next"] is None:
            return items
        place = {"after": page["next"]}


def test_sessions_and_turns_come_in_pages(someone, marker):
    caller = someone()
    begun = [caller.begin(f"echo: {number} {marker}") for number in range(5)]
    session = begun[0]
    for number in range(4):
        caller.say(f"echo: more {number}", extra_body={"session_id": session})

    def ids(place):
        return caller.http.post("/session-ids", json={"limit": 2, **place}).json()

    def listed(place):
        return caller.http.get("/sessions", params={"limit": 2, **place}).json()

    def turns(place):
        return caller.history(session, limit=2, **place).json()

    assert paged(ids, "session_ids") == begun[::-1]
    found = paged(listed, "sessions")
    assert [one["session_id"] for one in found] == begun[::-1]
    assert [one["turns"] for one in found] == [1, 1, 1, 1, 5]
    assert [turn["complete"] for turn in paged(turns, "turns")] == [True] * 5


def test_a_deleted_conversation_is_gone_for_good(caller, someone, database, provider, marker):
    session = caller.begin(f"echo: {marker}")
    other = someone()
    assert other.http.delete(f"/sessions/{session}").status_code == 404
    answer = caller.http.delete(f"/sessions/{session}")
    assert answer.json() == {"session_id": session, "deleted": True}
    assert readings(caller, session) == {404, 200}
    assert session not in str(caller.http.post("/session-ids", json={}).json())
    with pytest.raises(openai.NotFoundError):
        caller.say(f"echo: again {marker}", extra_body={"session_id": session})
    with pytest.raises(caller.bedrock.exceptions.ResourceNotFoundException):
        caller.converse(f"echo: again {marker}", **continued(session))
    assert caller.http.delete(f"/sessions/{session}").status_code == 404
    assert len(provider.received(marker)) == 1
    for table, column in (("turns", "messages"), ("answers", "message")):
        query = f"SELECT count(*) FROM {table} WHERE {column}::text LIKE %s"
        assert database.execute(query, [f"%{marker}%"]).fetchone() == (0,)


@pytest.mark.parametrize("session", ["", "none", str(uuid4()), "0" * 5000, 7, {}])
def test_a_session_that_is_none_reaches_no_provider(caller, provider, marker, session):
    with pytest.raises((openai.NotFoundError, openai.BadRequestError)):
        caller.say(f"echo: {marker}", extra_body={"session_id": session})
    with pytest.raises(caller.bedrock.exceptions.ClientError) as refused:
        caller.converse(f"echo: {marker}", **continued(session))
    status = refused.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert status == (404 if isinstance(session, str) else 400)
    assert provider.received(marker) == []
