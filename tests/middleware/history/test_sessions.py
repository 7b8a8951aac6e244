"""Whose conversations they are, how they are listed, limited and deleted, and when none are kept."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import pytest
import redis

from middleware.database import Database
from middleware.history.retention import Retention
from middleware.settings import Settings

from .conftest import KEY, bearer
from .litellm import BEDROCK_MODEL, MASTER, MODEL


async def session_of(reply) -> str:
    assert reply.status_code == 200, reply.text
    return reply.headers["x-session-id"]


async def test_session_ids_come_newest_first_and_in_pages(service, litellm):
    ids = [await session_of(await service.chat(str(n))) for n in range(5)]
    other = litellm.add_key("sk-other", "bob")
    await service.chat("theirs", key=other)
    listed = (await service.http.post("/session-ids", json={}, headers=bearer(KEY))).json()
    assert listed == {"session_ids": ids[::-1], "next": None}
    seen, after = [], None
    while True:
        body = {"limit": 2, "after": after}
        page = (await service.http.post("/session-ids", json=body, headers=bearer(KEY))).json()
        seen += page["session_ids"]
        after = page["next"]
        if after is None:
            break
    assert seen == ids[::-1]


async def test_sessions_are_listed_with_what_is_in_them(service):
    session = await session_of(await service.chat("one"))
    await service.chat("two", session_id=session)
    (found,) = (await service.http.get("/sessions", headers=bearer(KEY))).json()["sessions"]
    assert found["session_id"] == session and found["turns"] == 2 and found["user_id"] == "ada"
    assert found["opened_at"] <= found["last_turn_at"]
    alone = (await service.http.get(f"/sessions/{session}", headers=bearer(KEY))).json()
    assert alone == found


async def test_turns_come_in_pages(service):
    session = await session_of(await service.chat("0"))
    for n in range(1, 5):
        await service.chat(str(n), session_id=session)
    texts, after = [], 0
    while after is not None:
        page = (await service.history(session, after=after, limit=2)).json()
        texts += [message["content"] for message in page["messages"][::2]]
        after = page["next"]
    assert texts == ["0", "1", "2", "3", "4"]


async def test_a_deleted_session_is_gone_for_good(service, database):
    session = await session_of(await service.chat("one"))
    deleted = await service.http.delete(f"/sessions/{session}", headers=bearer(KEY))
    assert deleted.json() == {"session_id": session, "deleted": True}
    assert (await service.history(session)).status_code == 404
    assert (await service.chat("two", session_id=session)).status_code == 404
    assert await database.fetchval("SELECT count(*) FROM turns") == 0


async def test_an_administrator_reads_everything_and_writes_nowhere(service, litellm):
    session = await session_of(await service.chat("one"))
    admin = litellm.add_key("sk-admin", "root")
    litellm.roles["root"] = "proxy_admin"
    for key in (MASTER, admin):
        assert (await service.history(session, key=key)).status_code == 200
        assert (await service.chat("two", key=key, session_id=session)).status_code == 404
        anybody = await service.http.get("/sessions?owner=anybody", headers=bearer(key))
        assert [one["session_id"] for one in anybody.json()["sessions"]] == [session]
    refused = await service.http.get("/sessions?owner=anybody", headers=bearer(KEY))
    assert refused.status_code == 403


async def test_a_session_belongs_to_its_key_alone(service, litellm):
    second = litellm.add_key("sk-second-of-ada", "ada")
    session = await session_of(await service.chat("one"))
    assert (await service.history(session, key=second)).status_code == 404


async def test_a_session_may_belong_to_all_keys_of_a_user(start, litellm):
    service = await start(session_owner="user")
    second = litellm.add_key("sk-second-of-ada", "ada")
    nobody = litellm.add_key("sk-of-nobody")
    session = await session_of(await service.chat("one"))
    assert (await service.chat("two", key=second, session_id=session)).status_code == 200
    assert (await service.history(session, key=nobody)).status_code == 404
    listed = await service.http.post("/session-ids", json={}, headers=bearer(second))
    assert listed.json()["session_ids"] == [session]
    own = await session_of(await service.chat("mine", key=nobody))
    assert (await service.history(own, key=nobody)).status_code == 200
    assert (await service.history(own)).status_code == 404


@pytest.mark.parametrize(
    ("fields", "mode", "kept"),
    [
        ({}, "always", True),
        ({"enable_history": False}, "always", False),
        ({"enable_history": None}, "always", True),
        ({"store": False}, "always", False),
        ({"store": False, "enable_history": True}, "always", True),
        ({"store": True}, "always", True),
        ({}, "opt_in", False),
        ({"enable_history": True}, "opt_in", True),
        ({}, "off", False),
        ({"enable_history": False}, "off", False),
    ],
)
async def test_what_is_kept_is_set_by_the_gateway_and_by_the_call(
    start, litellm, database, fields, mode, kept
):
    service = await start(history=mode)
    reply = await service.chat("one", **fields)
    assert reply.status_code == 200
    assert ("session_id" in reply.json(), "x-session-id" in reply.headers) == (kept, kept)
    assert await database.fetchval("SELECT count(*) FROM turns") == kept
    assert "enable_history" not in litellm.asked[0]
    additional = {name: value for name, value in fields.items() if name == "enable_history"}
    if "store" not in fields:
        reply = await service.converse("two", additionalModelRequestFields=additional)
        assert ("x-session-id" in reply.headers) == kept
        assert await database.fetchval("SELECT count(*) FROM turns") == 2 * kept


@pytest.mark.parametrize(
    ("mode", "fields"),
    [
        ("off", {"session_id": str(uuid4())}),
        ("off", {"enable_history": True}),
        ("always", {"session_id": str(uuid4()), "enable_history": False}),
        ("always", {"session_id": str(uuid4()), "store": False}),
        ("always", {"session_id": 7}),
        ("always", {"enable_history": "yes"}),
    ],
)
async def test_what_cannot_be_kept_is_refused(start, litellm, mode, fields):
    service = await start(history=mode)
    reply = await service.chat("one", **fields)
    assert reply.status_code == 400 and reply.json()["error"]["code"] == "history_refused"
    if "store" not in fields:
        reply = await service.converse("one", additionalModelRequestFields=fields)
        assert reply.status_code == 400
        assert reply.headers["x-amzn-errortype"] == "ValidationException"
    assert litellm.asked == []


async def test_store_false_is_not_sent_to_providers_that_never_store(service, litellm):
    await service.chat("one", store=False)
    assert litellm.asked[0]["store"] is False, "the tests' model is OpenAI's"
    await service.chat("one", store=False, model=BEDROCK_MODEL)
    assert "store" not in litellm.asked[1]


async def test_a_conversation_has_its_limits(start, litellm):
    service = await start(history_max_turns=2, history_max_bytes=400)
    session = await session_of(await service.chat("one"))
    await service.chat("two", session_id=session)
    full = await service.chat("three", session_id=session)
    assert (full.status_code, full.json()["error"]["code"]) == (400, "conversation_full")
    full = await service.converse("three", additionalModelRequestFields={"session_id": session})
    assert full.headers["x-amzn-errortype"] == "ValidationException"
    assert (await service.chat("x" * 500)).json()["error"]["code"] == "conversation_full"
    assert (await service.chat("x" * 500, enable_history=False)).status_code == 200
    long = await session_of(await service.chat("x" * 200))
    assert (await service.chat("y" * 200, session_id=long)).status_code == 400
    assert len(litellm.asked) == 4


async def test_old_conversations_are_deleted_and_those_in_use_are_not(
    service, database, postgres_url
):
    old, used = [await session_of(await service.chat(text)) for text in ("old", "used")]
    await database.execute("UPDATE sessions SET opened_at = now() - interval '3 days'")
    await database.execute("UPDATE turns SET accepted_at = now() - interval '3 days'")
    await service.chat("again", session_id=used)
    settings = Settings(litellm_key=MASTER, database_url=postgres_url)
    own = Database(settings)
    own.start()
    while not await own.is_ready(1):
        await asyncio.sleep(0.02)
    assert await Retention(own, 2.0).sweep() == 1
    await own.close()
    assert (await service.history(old)).status_code == 404
    assert (await service.history(used)).status_code == 200


async def test_a_revoked_key_reads_nothing_soon_after(start, litellm):
    service = await start(key_seconds=0.3)
    session = await session_of(await service.chat("one"))
    litellm.remove_key(KEY)
    deadline = time.monotonic() + 1
    while (await service.history(session)).status_code == 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert (await service.history(session)).status_code == 401


@pytest.mark.parametrize(
    "row",
    [
        {"status": "revoked"},
        {"status": "expired"},
        {"blocked": True},
        {"expires": "2020-01-01T00:00:00+00:00"},
    ],
)
async def test_a_key_that_is_not_good_any_more_is_no_key(service, litellm, row):
    key = litellm.add_key("sk-bad", "eve", **row)
    assert (await service.chat("one", key=key)).status_code == 401
    assert (
        await service.http.post("/session-ids", json={}, headers=bearer(key))
    ).status_code == 401
    assert litellm.asked == []


async def test_a_key_is_asked_for_once_and_replicas_share_the_answer(start, litellm, redis_url):
    services = [await start(redis_url=redis_url, key_seconds=60) for _ in range(2)]
    await asyncio.gather(*(services[0].chat("one") for _ in range(10)))
    await services[1].chat("one")
    assert len(litellm.looked_up) == 1
    with redis.Redis.from_url(redis_url) as known:
        names = list(known.scan_iter("middleware:key:*"))
        assert len(names) == 1 and KEY.encode() not in names[0] + known.get(names[0])


async def test_without_redis_litellm_is_asked(start, litellm):
    service = await start(redis_url="redis://127.0.0.1:9/0")
    assert (await service.chat("one")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"api-key": KEY},
        {"x-api-key": KEY},
        {"x-litellm-api-key": f"Bearer {KEY}", "authorization": "Bearer sk-of-somebody-else"},
        {"authorization": KEY},
    ],
)
async def test_the_key_is_read_where_litellm_reads_it(service, headers):
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
    reply = await service.http.post("/chat/completions", json=body, headers=headers)
    assert reply.status_code == 200


@pytest.mark.parametrize("path", ["/chat-history", "/bedrock/chat-history", "/session-ids"])
async def test_malformed_requests_are_answered_in_the_callers_protocol(service, path):
    for body, method in (({"nonsense": 1}, "POST"), ([], "POST"), (None, "PUT")):
        reply = await service.http.request(method, path, json=body, headers=bearer(KEY))
        assert reply.status_code in (400, 405)
        if path.startswith("/bedrock"):
            assert reply.headers["x-amzn-errortype"] == "ValidationException"
            assert reply.json()["message"]
        else:
            assert reply.json()["error"]["type"] == "invalid_request_error"
