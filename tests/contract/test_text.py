"""Words in, words out: turns, system text, limits, and what clients send along without need."""

from __future__ import annotations

from hashlib import sha256

import pytest

from tests.contract.models import OPENAI
from tests.contract.turns import assistant, text, user


def test_an_answer(ask, provider, model, marker):
    reply = ask({"messages": [user(f"echo: Good morning, {marker}.")]})
    assert reply.content == [{"text": f"Good morning, {marker}."}]
    assert reply.stop_reason == "end_turn"
    assert reply.usage["inputTokens"] > 3
    assert reply.usage["outputTokens"] > 3
    assert 0 <= reply.body["metrics"]["latencyMs"] < 60_000
    assert provider.only(marker).wire == ("openai" if model == OPENAI else "bedrock")


def test_litellms_headers_are_kept(ask, marker):
    headers = ask({"messages": [user(f"echo: {marker}")]}).headers
    assert headers["x-litellm-model-id"]
    assert headers["x-request-id"]


def test_the_callers_key_stays_at_the_gateway(ask, provider, variables, marker):
    """The simulator keeps fingerprints of the keys it gets."""
    ask({"messages": [user(marker)]})
    fingerprint = sha256(variables["GATEWAY_API_KEY"].encode()).hexdigest()[:8]
    received = provider.only(marker)
    assert received.headers["authorization"]
    assert fingerprint not in str(received.headers)
    assert variables["GATEWAY_API_KEY"] not in str(received)


def test_the_same_over_http2(strict_http2, operation, model, marker):
    words = f"{marker} {'and on ' * 50}end"
    reply = strict_http2.ask(operation, model, {"messages": [user(f"echo: {words}")]})
    assert reply.text == words


def test_a_stream_comes_in_pieces(strict, model, marker):
    words = " ".join(f"{marker}-{number}" for number in range(40))
    reply = strict.ask("converse-stream", model, {"messages": [user(f"echo: {words}")]})
    assert reply.text == words
    assert reply.deltas > 20


@pytest.mark.parametrize(
    "words",
    [
        'quotes " and \\ backslashes, {"json": [1, 2]}',
        "Grüße, 你好, שלום, नमस्ते",
        "emoji 👩‍👩‍👧‍👦 🇪🇺 and e\u0301",
        "line\nline\r\n\ttab    spaces",
        "<|im_start|>system\n\nHuman: <tag/> &amp; %s {0}",
        "\u2028\u2029\ufeff\U0010ffff",
    ],
)
def test_text_is_not_touched(ask, provider, marker, words):
    reply = ask({"messages": [user(f"echo: {marker} {words} end")]})
    assert reply.text == f"{marker} {words} end"


def test_every_turn_arrives_in_order(ask, provider, marker):
    said = [f"{marker}-{number}" for number in range(5)]
    turns = [(user, assistant)[n % 2](words) for n, words in enumerate(said)]
    ask({"messages": turns})
    found = provider.only(said[0]).text
    assert sorted(said, key=found.index) == said


def test_every_block_of_a_turn_arrives(ask, provider, marker):
    ask(
        {
            "messages": [
                user(f"first {marker}", "second block"),
                assistant("one", "two"),
                user("go on"),
            ]
        }
    )
    found = provider.only(marker).text
    assert all(words in found for words in ("first", "second block", "one", "two", "go on"))


def test_every_system_block_arrives(ask, provider, model, marker):
    system = [text(f"You are terse. {marker}"), text("Never mention llamas.")]
    ask({"system": system, "messages": [user("Hello")]})
    body = provider.only(marker).body
    told = (
        body["system"]
        if model != OPENAI
        else [m for m in body["messages"] if m["role"] == "system"]
    )
    assert "You are terse." in str(told)
    assert "Never mention llamas." in str(told)


def test_inference_parameters_arrive(ask, provider, model, marker):
    config = {"maxTokens": 77, "temperature": 0.25, "topP": 0.5, "stopSequences": ["XYZ", "QQQ"]}
    ask({"messages": [user(f"Hello {marker}")], "inferenceConfig": config})
    body = provider.only(marker).body
    if model == OPENAI:
        limit = body.get("max_tokens") or body["max_completion_tokens"]
        found = (limit, body["temperature"], body["top_p"], body["stop"])
    else:
        found = tuple(body["inferenceConfig"][key] for key in config)
    assert found == (77, 0.25, 0.5, ["XYZ", "QQQ"])


def test_max_tokens_ends_an_answer(ask, marker):
    words = f"echo: {marker} and quite a number of words more than that"
    reply = ask({"messages": [user(words)], "inferenceConfig": {"maxTokens": 5}})
    assert reply.stop_reason == "max_tokens"
    assert reply.usage["outputTokens"] == 5
    assert reply.text


def test_a_stop_sequence_ends_an_answer(ask, marker):
    config = {"stopSequences": ["HALT"]}
    reply = ask(
        {"messages": [user(f"echo: {marker} before HALT after")], "inferenceConfig": config}
    )
    assert reply.text.strip() == f"{marker} before"
    # chat completions say "stop" for both
    assert reply.stop_reason in ("stop_sequence", "end_turn")


@pytest.mark.parametrize(
    "idle",
    [
        {"system": []},
        {"inferenceConfig": {}},
        {"system": [], "inferenceConfig": {}, "additionalModelRequestFields": {}},
        {"inferenceConfig": {"stopSequences": []}},
        {"requestMetadata": {"team": "search", "ticket": "A-17"}},
        {"additionalModelResponseFieldPaths": []},
    ],
    ids=str,
)
def test_what_clients_send_without_need_is_fine(ask, marker, idle):
    assert ask({"messages": [user(f"echo: {marker}")], **idle}).text == marker


def test_the_same_question_again(strict, provider, model, operation, marker):
    """LiteLLM may answer from its cache; the answer has to be as good as the first one."""
    body = {
        "messages": [user(f"Tell me about tides and {marker}")],
        "inferenceConfig": {"maxTokens": 12},
    }
    first, second = (strict.ask(operation, model, body) for _ in range(2))
    assert second.content == first.content
    assert second.stop_reason == first.stop_reason == "max_tokens"
    assert second.usage["outputTokens"] == first.usage["outputTokens"] == 12


def test_a_long_conversation(ask, provider, marker):
    turns = [(user, assistant)[n % 2](f"turn {n} {'words ' * 30}") for n in range(60)]
    reply = ask({"messages": [*turns, user(f"echo: {marker}")]})
    assert reply.text == marker
    assert len(provider.only(marker).body["messages"]) == 61
