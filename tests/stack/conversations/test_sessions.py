"""Sessions: whose key reads and continues them, how they are listed and deleted, and ids that are none."""

from __future__ import annotations

import time
from uuid import UUID, uuid4

import openai
import pytest

from tests.stack.callers import BEDROCK, OPENAI, continued

pytestmark = pytest.mark.usefixtures("provider")


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


@pytest.mark.parametrize("session", ["", "none", str(UUID(int=1)), "0" * 5000, 7, {}])
def test_a_session_that_is_none_reaches_no_provider(caller, provider, marker, session):
    with pytest.raises((openai.NotFoundError, openai.BadRequestError)):
        caller.say(f"echo: {marker}", extra_body={"session_id": session})
    with pytest.raises(caller.bedrock.exceptions.ClientError) as refused:
        caller.converse(f"echo: {marker}", **continued(session))
    status = refused.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert status == (404 if isinstance(session, str) else 400)
    assert provider.received(marker) == []
