"""Turns that were throttled or broke off: what is kept of them, and that the conversation goes on."""

from __future__ import annotations

import json

import openai
import pytest
from botocore.exceptions import EventStreamError

from tests.stack.callers import BOTH, OPENAI, STREAMED, continued, spoken_text

pytestmark = pytest.mark.usefixtures("provider")


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
