"""OpenAI's wire, through the OpenAI SDK."""

import base64
import json

import httpx
import jsonschema
import numpy as np
import openai
import pytest

from gateway_lib.simulator.tokens import count

USER = [{"role": "user", "content": "Write about the sea."}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG not really").decode()


def say(client, text, model="gpt-4o-mini", **options):
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model=model, messages=messages, **options)


def test_completion_and_usage(client, control):
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=USER)
    text = answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == count(text)
    assert 30 <= answer.usage.completion_tokens <= 120
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    entry = control.last()
    assert entry["outcome"] == "done" and entry["status"] == 200
    assert entry["body"] == {"model": "gpt-4o-mini", "messages": USER}
    assert entry["headers"]["authorization"].startswith("Bearer sha256:")
    assert "sk-test" not in json.dumps(entry)


def test_same_content_same_text_but_new_id(client):
    first, second = (
        client.chat.completions.create(model="gpt-4o-mini", messages=USER) for _ in "ab"
    )
    assert first.choices[0].message.content == second.choices[0].message.content
    assert first.id != second.id
    other = client.chat.completions.create(model="gpt-4o", messages=USER)
    assert other.choices[0].message.content != first.choices[0].message.content


def test_echo_is_exact(client):
    text = "  two  spaces,\nlines & ünïcode 😀 "
    assert say(client, f"echo: {text}").choices[0].message.content == text


def test_stream_has_one_delta_per_token_and_a_usage_chunk(client):
    whole = say(client, "Write about the sea.")
    stream = say(
        client, "Write about the sea.", stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    texts = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content]
    assert "".join(texts) == whole.choices[0].message.content
    assert chunks[-1].choices == [] and chunks[-1].usage == whole.usage
    assert len(texts) == whole.usage.completion_tokens
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks[:-1]][-1] == "stop"
    assert all(c.usage is None for c in chunks[:-1])
    assert len({c.id for c in chunks}) == 1


def test_stream_without_usage_ends_with_done(base):
    body = {"model": "gpt-4o-mini", "messages": USER, "stream": True}
    reply = httpx.post(
        f"{base}/openai/v1/chat/completions",
        json=body,
        headers={"authorization": "Bearer k"},
        timeout=60,
    )
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.text.endswith("data: [DONE]\n\n")
    assert "usage" not in reply.text


def test_limits(client):
    short = say(client, "Write about the sea.", max_completion_tokens=5)
    assert short.choices[0].finish_reason == "length"
    assert short.usage.completion_tokens == 5
    stopped = say(client, "echo: one two three two", stop=[" two", "three"])
    assert stopped.choices[0].message.content == "one"
    assert stopped.choices[0].finish_reason == "stop"


def test_tool_call_and_answer(client):
    question = "How is the weather in Paris for the next 3 days?"
    first = say(client, question, tools=[WEATHER, CLOCK])
    assert first.choices[0].finish_reason == "tool_calls"
    (call,) = first.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Paris", "days": 3}
    messages = [
        {"role": "user", "content": question},
        first.choices[0].message.to_dict(),
        {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"},
    ]
    second = client.chat.completions.create(
        model="gpt-4o-mini", messages=messages, tools=[WEATHER, CLOCK]
    )
    assert "sunny, 21 degrees" in second.choices[0].message.content
    assert second.choices[0].finish_reason == "stop"


def test_parallel_tool_calls_in_a_stream(client):
    text = 'call: get_weather {"city":"Rome","days":2}\ncall: clock {}'
    calls: dict[int, list[str]] = {}
    for chunk in say(client, text, tools=[WEATHER, CLOCK], stream=True):
        for part in chunk.choices[0].delta.tool_calls or ():
            name, arguments = calls.setdefault(part.index, ["", ""])
            calls[part.index] = [
                name + (part.function.name or ""),
                arguments + part.function.arguments,
            ]
        finish = chunk.choices[0].finish_reason
    assert finish == "tool_calls"
    assert calls == {0: ["get_weather", '{"city":"Rome","days":2}'], 1: ["clock", "{}"]}
    one = say(client, text, tools=[WEATHER, CLOCK], parallel_tool_calls=False)
    assert len(one.choices[0].message.tool_calls) == 1


@pytest.mark.parametrize(
    ("choice", "names", "finish"),
    [
        ("auto", [], "stop"),
        ("none", [], "stop"),
        ("required", ["get_weather"], "tool_calls"),
        ({"type": "function", "function": {"name": "clock"}}, ["clock"], "stop"),
    ],
)
def test_tool_choice(client, choice, names, finish):
    answer = say(client, "Hello there.", tools=[WEATHER, CLOCK], tool_choice=choice).choices[0]
    assert [call.function.name for call in answer.message.tool_calls or ()] == names
    assert answer.finish_reason == finish


def test_json_object(client):
    answer = say(client, "Give json about rain.", response_format={"type": "json_object"})
    assert isinstance(json.loads(answer.choices[0].message.content), dict)
    with pytest.raises(openai.BadRequestError, match="must contain the word 'json'"):
        say(client, "Hello", response_format={"type": "json_object"})


def test_json_schema(client):
    schema = {
        "type": "object",
        "properties": {
            "answer": {"type": "string"},
            "score": {"type": "number", "minimum": 0, "maximum": 1},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 2},
            "parent": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        },
        "required": ["answer", "score", "tags", "parent"],
        "additionalProperties": False,
        "$defs": {"tag": {"enum": ["a", "b"]}},
    }
    form = {
        "type": "json_schema",
        "json_schema": {"name": "reply", "schema": schema, "strict": True},
    }
    answer = say(client, "What is 17 plus 28?", response_format=form)
    jsonschema.validate(json.loads(answer.choices[0].message.content), schema)


def test_a_forced_tool_can_hold_the_answer(client, control):
    """How LiteLLM asks models without structured output for an instance of a schema."""
    control.profile("gpt-4o-mini", accuracy={"default": 1})
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string"}},
        "required": ["answer"],
    }
    tool = {"type": "function", "function": {"name": "reply", "parameters": schema}}
    answer = say(client, "What is 17 plus 28?", tools=[tool], tool_choice="required")
    (call,) = answer.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"answer": "45"}


def test_images_and_documents_are_counted(client):
    pdf = "data:application/pdf;base64," + base64.b64encode(b"%PDF").decode()
    parts = [
        {"type": "text", "text": "Look."},
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": pdf}},
    ]
    with_media = say(client, parts)
    plain = say(client, "Look.")
    assert with_media.choices[0].message.content.startswith("Received 1 image and 1 document.")
    assert with_media.usage.prompt_tokens == plain.usage.prompt_tokens + 85 + 250


def test_prompt_cache(client):
    long = "word " * 1500
    first, second = say(client, long), say(client, long)
    assert first.usage.prompt_tokens_details.cached_tokens == 0
    assert second.usage.prompt_tokens_details.cached_tokens >= 1500


def test_reasoning_tokens(client):
    answer = say(client, "Hello", model="gpt-5.4-mini", reasoning_effort="low")
    used = answer.usage.completion_tokens_details.reasoning_tokens
    assert 0 < used < answer.usage.completion_tokens
    with pytest.raises(openai.BadRequestError, match="'reasoning_effort' is not supported"):
        say(client, "Hello", reasoning_effort="low")


def test_embeddings(client):
    def vectors(*texts, **options):
        reply = client.embeddings.create(
            model="text-embedding-3-small", input=list(texts), **options
        )
        return reply, np.array([item.embedding for item in reply.data])

    reply, (cat, kitten, stocks) = vectors("the cat sat down", "the cat lay down", "stocks fell")
    assert reply.usage.prompt_tokens == 10
    assert cat.shape == (1536,)
    assert np.linalg.norm(cat) == pytest.approx(1, abs=1e-4)
    assert cat @ kitten > 0.5 > cat @ stocks
    _, (again,) = vectors("the cat sat down", encoding_format="float")
    assert np.allclose(cat, again, atol=1e-6)
    _, (small,) = vectors("the cat sat down", dimensions=64)
    assert small.shape == (64,)
    with pytest.raises(openai.BadRequestError, match="dimensions"):
        vectors("x", dimensions=5000)


def test_models(client):
    assert [m.id for m in client.models.list()] == [
        "gpt-4o",
        "gpt-4o-mini",
        "gpt-5.4-mini",
        "text-embedding-3-small",
        "simulated-baseline",
        "simulated-candidate",
    ]
    assert client.models.retrieve("gpt-4o").id == "gpt-4o"


@pytest.mark.parametrize(
    ("error", "words", "options"),
    [
        (openai.NotFoundError, "does not exist", {"model": "gpt-3"}),
        (openai.NotFoundError, "does not exist", {"model": "amazon.nova-lite-v1:0"}),
        (
            openai.BadRequestError,
            "Unrecognized request argument supplied: guardrails",
            {"extra_body": {"guardrails": []}},
        ),
        (openai.BadRequestError, "n' must be 1", {"n": 2}),
        (openai.BadRequestError, "temperature", {"temperature": 3}),
        (openai.BadRequestError, "max_tokens is too large", {"max_tokens": 99999}),
        (openai.BadRequestError, "only allowed when 'tools'", {"tool_choice": "auto"}),
        (openai.BadRequestError, "supported roles", {"messages": [{"role": "x", "content": "y"}]}),
        (
            openai.BadRequestError,
            "preceeding message",
            {"messages": [{"role": "tool", "content": "y", "tool_call_id": "c"}]},
        ),
        (
            openai.BadRequestError,
            "base64",
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image_url", "image_url": {"url": "data:image/png;base64,%%"}}
                        ],
                    }
                ]
            },
        ),
        (
            openai.BadRequestError,
            "audio is only supported",
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "input_audio",
                                "input_audio": {"data": "aGk=", "format": "wav"},
                            }
                        ],
                    }
                ]
            },
        ),
    ],
)
def test_refusals(client, control, error, words, options):
    with pytest.raises(error, match=words):
        client.chat.completions.create(**{"model": "gpt-4o-mini", "messages": USER} | options)
    assert control.last()["outcome"] == "refused"


def test_context_window(client):
    with pytest.raises(openai.BadRequestError, match="maximum context length is 128000") as caught:
        say(client, "a " * 130_000)
    assert caught.value.code == "context_length_exceeded"


def test_key_is_needed(base):
    for headers in ({}, {"authorization": "Bearer"}, {"authorization": "Basic eA=="}):
        reply = httpx.get(f"{base}/openai/v1/models", headers=headers, timeout=60)
        assert reply.status_code == 401
        assert reply.json()["error"]["type"] == "invalid_request_error"


def test_unknown_path_and_broken_body(base):
    headers = {"authorization": "Bearer k"}
    assert httpx.post(f"{base}/openai/v1/responses", headers=headers, timeout=60).status_code == 404
    reply = httpx.post(
        f"{base}/openai/v1/chat/completions", headers=headers, content=b"{", timeout=60
    )
    assert reply.status_code == 400 and "parse" in reply.json()["error"]["message"]
