"""Conversations over both interfaces, whole and streamed, as their rows and as the model sees them."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID, uuid4

import pytest

from tests.middleware.bedrock.frames import read

from .conftest import KEY, bearer
from .litellm import MODEL, PRICE, completion


def said(*texts: str) -> list[dict]:
    """A conversation in which the tests' upstream answered each text."""
    return [
        message
        for text in texts
        for message in (
            {"role": "user", "content": text},
            {"role": "assistant", "content": f"answer to: {text}"},
        )
    ]


async def test_a_call_without_a_session_opens_one_and_a_call_with_it_goes_on(service, litellm):
    first = await service.chat("one")
    session = first.json()["session_id"]
    assert first.headers["x-session-id"] == session == str(UUID(session))
    second = await service.chat("two", session_id=session)
    assert second.json()["session_id"] == session
    assert litellm.asked[1]["messages"] == [*said("one"), {"role": "user", "content": "two"}]
    assert "session_id" not in litellm.asked[1]
    kept = (await service.history(session)).json()
    assert kept["messages"] == said("one", "two")
    assert [turn["complete"] for turn in kept["turns"]] == [True, True]


async def test_each_turn_has_model_usage_cost_and_request_id(service):
    reply = await service.chat("one")
    session = reply.json()["session_id"]
    (turn,) = (await service.history(session)).json()["turns"]
    assert turn["request_id"] == reply.headers["x-request-id"]
    assert turn["usage"]["total_tokens"] == 12 and turn["cost"] == PRICE
    assert (turn["model"], turn["served_by"], turn["interface"]) == (MODEL, MODEL, "openai")


async def test_all_new_messages_are_kept_system_and_tool_turns_included(service, litellm):
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "call f"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
    ]
    session = (await service.chat("", messages=messages)).json()["session_id"]
    await service.chat("and now?", session_id=session)
    answer = {"role": "assistant", "content": "answer to: 42"}
    expected = [*messages, answer, {"role": "user", "content": "and now?"}]
    assert litellm.asked[1]["messages"] == expected


async def test_a_system_prompt_that_is_repeated_is_shown_once_and_another_again(service, litellm):
    a, b = ({"role": "system", "content": name} for name in "ab")
    user = {"role": "user", "content": "hi"}
    session = (await service.chat("", messages=[a, user])).json()["session_id"]
    for system in (a, b, b):
        await service.chat("", messages=[system, user], session_id=session)
    shown = [m["content"] for m in litellm.asked[-1]["messages"] if m["role"] == "system"]
    assert shown == ["a", "b"]


async def test_a_stream_names_the_session_in_its_first_chunk_alone(service, litellm):
    reply = await service.chat("one", stream=True)
    events = [
        json.loads(line[6:]) for line in reply.text.split("\n\n") if line.startswith("data: {")
    ]
    assert [("session_id" in event) for event in events] == [True] + [False] * (len(events) - 1)
    assert reply.text.endswith("data: [DONE]\n\n")
    session = events[0]["session_id"]
    assert reply.headers["x-session-id"] == session
    assert all("usage" not in event for event in events), "the caller has not asked for usage"
    kept = (await service.history(session)).json()
    assert kept["messages"][1] == {"role": "assistant", "content": "answer to: one "}
    assert kept["turns"][0]["cost"] == PRICE


async def test_a_stream_whose_caller_asks_for_usage_has_it(service):
    reply = await service.chat("one", stream=True, stream_options={"include_usage": True})
    assert '"usage": {' in reply.text


async def test_bedrock_names_the_session_in_a_header_and_takes_it_in_the_additional_fields(
    service, litellm
):
    first = await service.converse("one")
    session = first.headers["x-session-id"]
    path = f"/bedrock/model/{MODEL}/converse-stream"
    body = {
        "messages": [{"role": "user", "content": [{"text": "two"}]}],
        "additionalModelRequestFields": {"session_id": session},
    }
    streamed = await service.http.post(path, json=body, headers=bearer(KEY))
    assert streamed.headers["x-session-id"] == session
    assert [frame.name for frame in read(streamed.content)][-2:] == ["messageStop", "metadata"]
    third = await service.chat("three", session_id=session)
    assert third.json()["session_id"] == session
    assert [m["role"] for m in litellm.asked[-1]["messages"]] == ["user", "assistant"] * 2 + [
        "user"
    ]
    kept = (await service.history(session, path="/bedrock/chat-history")).json()
    assert [m["role"] for m in kept["messages"]] == ["user", "assistant"] * 3
    assert kept["messages"][0]["content"] == [{"text": "one"}]
    assert [turn["interface"] for turn in kept["turns"]] == ["bedrock", "bedrock", "openai"]


@pytest.mark.parametrize("other", [str(UUID(int=1)), "not-a-uuid", ""])
async def test_a_foreign_session_and_an_unknown_one_answer_the_same(service, litellm, other):
    litellm.add_key("sk-other", "bob")
    foreign = (await service.chat("secret", key="sk-other")).json()["session_id"]
    answers = []
    for session in (foreign, other):
        for reply in (
            await service.chat("hi", session_id=session),
            await service.converse("hi", additionalModelRequestFields={"session_id": session}),
            await service.history(session),
            await service.history(session, path="/bedrock/chat-history"),
            await service.http.get(f"/sessions/{session or 'x'}", headers=bearer(KEY)),
            await service.http.delete(f"/sessions/{session or 'x'}", headers=bearer(KEY)),
        ):
            answers.append((reply.status_code, reply.content))
    assert answers[:6] == answers[6:]
    assert {status for status, _ in answers} == {404}
    assert len(litellm.asked) == 1


async def test_nothing_is_written_for_keys_that_are_not_good(service, database):
    for number in range(20):
        key = f"sk-made-up-{number}"
        assert (await service.chat("canary", key=key)).status_code == 401
        assert (await service.converse("canary", key=key)).status_code == 403
        assert (await service.history(str(uuid4()), key=key)).status_code == 401
    assert await database.fetchval("SELECT count(*) FROM sessions") == 0
    assert await database.fetchval("SELECT count(*) FROM turns") == 0


async def test_concurrent_turns_are_all_kept_and_see_what_had_ended_before(service, litellm):
    session = (await service.chat("start")).json()["session_id"]
    replies = await asyncio.gather(
        *(service.chat(f"turn {n}", session_id=session) for n in range(50))
    )
    assert {reply.status_code for reply in replies} == {200}
    kept = (await service.history(session)).json()["messages"]
    assert len(kept) == 102
    assert {m["content"] for m in kept if m["role"] == "user"} == {"start"} | {
        f"turn {n}" for n in range(50)
    }
    for question, answer in zip(kept[::2], kept[1::2], strict=True):
        assert answer["content"] == f"answer to: {question['content']}"
    for asked in litellm.asked:
        roles = [message["role"] for message in asked["messages"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]


async def test_an_upstream_failure_keeps_the_question_marked_incomplete(service, litellm):
    session = (await service.chat("one")).json()["session_id"]
    litellm.fail = {"status": 429, "message": "slow down"}
    refused = await service.chat("two", session_id=session)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
    assert refused.json()["error"]["message"] == "slow down"
    litellm.fail = None
    kept = await until(service, session, lambda kept: kept["turns"][-1]["status"] == 429)
    assert kept["messages"] == said("one")
    broken = kept["turns"][1]
    assert not broken["complete"] and broken["messages"] == [{"role": "user", "content": "two"}]
    await service.chat("three", session_id=session)
    assert litellm.asked[-1]["messages"] == [*said("one"), {"role": "user", "content": "three"}]


async def test_a_first_turn_that_fails_is_kept_too(service, litellm):
    litellm.fail = {"status": 500, "message": "broken"}
    refused = await service.chat("one")
    session = refused.headers["x-session-id"]
    kept = await until(service, session, lambda kept: kept.get("turns"))
    (turn,) = kept["turns"]
    assert (turn["complete"], turn["status"]) == (False, 500)
    assert turn["messages"] == [{"role": "user", "content": "one"}] and kept["messages"] == []


@pytest.mark.parametrize("broken", ["cut", "error"])
async def test_a_stream_that_breaks_off_keeps_what_arrived(service, litellm, broken):
    session = (await service.chat("one")).json()["session_id"]
    litellm.broken = broken
    try:
        reply = await service.chat("two", stream=True, session_id=session)
        assert broken == "error" and "the provider broke off" in reply.text
        assert "[DONE]" not in reply.text
    except Exception as error:
        assert broken == "cut", error
    litellm.broken = None
    kept = await until(service, session, lambda kept: kept["turns"][-1]["ended_at"])
    assert not kept["turns"][1]["complete"]
    assert kept["messages"][-1] == {"role": "assistant", "content": "answer to: two "}


async def test_a_caller_that_leaves_ends_the_work_and_keeps_what_was_streamed(service, litellm):
    litellm.gone = asyncio.Event()
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "long"}]}
    async with service.http.stream(
        "POST", "/v1/chat/completions", json=body, headers=bearer(KEY)
    ) as reply:
        session = reply.headers["x-session-id"]
        async for line in reply.aiter_lines():
            if "long" in line:
                break
    await asyncio.wait_for(litellm.gone.wait(), 2)
    kept = await until(service, session, lambda kept: kept["turns"][0]["ended_at"])
    (turn,) = kept["turns"]
    assert (turn["complete"], turn["status"]) == (False, 499)
    assert turn["messages"][1]["content"] == "answer to: long "


async def until(service, session, condition):
    for _ in range(100):
        kept = (await service.history(session)).json()
        if condition(kept):
            return kept
        await asyncio.sleep(0.02)
    raise AssertionError(kept)


async def test_tool_calls_and_thoughts_of_an_answer_are_kept(service, litellm):
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    litellm.answer = completion(None, tool_calls=[call], thinking_blocks=[thought])
    session = (await service.chat("one")).json()["session_id"]
    (_, kept) = (await service.history(session)).json()["messages"]
    assert kept["tool_calls"] == [call] and kept["thinking_blocks"] == [thought]
    converse = (await service.history(session, path="/bedrock/chat-history")).json()["messages"]
    reasoning, use = converse[1]["content"]
    assert reasoning["reasoningContent"]["reasoningText"] == {"text": "hm", "signature": "c2ln"}
    assert use["toolUse"] == {"toolUseId": "c1", "name": "f", "input": {"a": 1}}
    litellm.answer = None
    result = {"role": "tool", "tool_call_id": "c1", "content": "42"}
    await service.chat("", messages=[result], session_id=session)
    _, replayed, _ = litellm.asked[-1]["messages"]
    assert replayed == {"role": "assistant", "content": None, "tool_calls": [call]}


@pytest.mark.parametrize("path", ["converse", "converse-stream"])
async def test_a_name_that_no_database_takes_is_refused_before_anything_is_asked(
    service, litellm, path
):
    body = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    answers = [
        await service.chat("hi", model="a\0b"),
        await service.chat("hi", model="a\0b", stream=True),
        await service.http.post(f"/bedrock/model/%00/{path}", json=body, headers=bearer(KEY)),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert answers[2].headers["x-amzn-errortype"] == "ValidationException"
    assert litellm.asked == []
    assert (await service.chat("and \0 in words is kept")).status_code == 200
