"""An upstream that falls silent, dribbles, or stops in the middle of a word: nobody waits for ever."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.middleware.history.conftest import KEY, bearer

from .stopping import TEXT
from .ways import EITHER_HISTORY, EVERY_WAY, Seen, ask, until

BROKEN = (200, "the connection broke")
SILENT = {"read_seconds": 0.5, "idle_seconds": 0.5}


def ended(seen: Seen) -> tuple[int, str]:
    """How an answer that did not come to its end has ended, for its caller."""
    return BROKEN if seen.broke else (seen.status, seen.error)


def expected(way: str, history: str, whole: dict[str, tuple[int, str]]) -> tuple[int, str]:
    """What is read before it is passed on can be an error; what has begun can only break off."""
    if way == "converse stream":
        return 200, "modelStreamErrorException"
    return BROKEN if way == "chat stream" or (way, history) == ("chat", "off") else whole[way]


@EVERY_WAY
@EITHER_HISTORY
async def test_an_upstream_that_hangs_is_given_up_in_the_callers_protocol(
    start, upstream, http, way, history
):
    url, upstream.stop = await start(history=history, **SILENT), "before"
    seen = await ask(http, url, way)
    expected = (504, "upstream_timeout") if "chat" in way else (408, "ModelTimeoutException")
    assert (seen.status, seen.error) == expected
    await until(lambda: upstream.left)
    assert upstream.left == 1 and upstream.running == 0


@EVERY_WAY
@EITHER_HISTORY
async def test_an_upstream_that_falls_silent_within_an_answer_is_given_up(
    start, upstream, http, way, history
):
    url = await start(history=history, read_seconds=100, idle_seconds=0.5)
    upstream.stop = "within"
    seen = await ask(http, url, way)
    whole = {"chat": (504, "upstream_timeout"), "converse": (408, "ModelTimeoutException")}
    assert ended(seen) == expected(way, history, whole)
    await until(lambda: upstream.left)
    assert upstream.left == 1 and upstream.running == 0


@EVERY_WAY
async def test_an_answer_that_has_begun_may_pause_for_longer_than_it_took_to_begin(
    start, upstream, http, way
):
    url = await start(history="off", read_seconds=0.5, idle_seconds=100)
    upstream.stop = "within"
    asking = asyncio.create_task(ask(http, url, way))
    await until(lambda: upstream.running)
    done, _ = await asyncio.wait((asking,), timeout=1.5)
    assert not done
    upstream.go_on()
    assert (await asking).text == TEXT


@EVERY_WAY
@EITHER_HISTORY
async def test_an_answer_that_comes_byte_by_byte_is_the_whole_answer(
    start, upstream, http, way, history
):
    url, upstream.stop = await start(history=history, read_seconds=1.5, idle_seconds=1.5), "dribble"
    assert (await ask(http, url, way)).text == TEXT


@EVERY_WAY
@EITHER_HISTORY
async def test_an_answer_whose_connection_breaks_is_not_taken_for_a_whole_one(
    start, upstream, http, way, history
):
    url, upstream.stop = await start(history=history), "cut"
    seen = await ask(http, url, way)
    whole = {"chat": (502, "upstream_broken"), "converse": (424, "ModelErrorException")}
    assert ended(seen) == expected(way, history, whole)


@EVERY_WAY
async def test_half_an_answer_that_ends_as_if_that_were_all_is_not_taken_for_a_whole_one(
    start, upstream, http, way
):
    url, upstream.stop = await start(history="always"), "half"
    seen = await ask(http, url, way)
    whole = {"chat": (502, "upstream_broken"), "converse": (424, "ModelErrorException")}
    assert ended(seen) == expected(way, "always", whole)


@EVERY_WAY
async def test_what_was_said_of_a_broken_answer_is_kept_and_marked(start, upstream, http, way):
    url, upstream.stop = await start(history="always"), "cut"
    seen = await ask(http, url, way)
    assert seen.text is None

    async def ended() -> list[dict[str, Any]]:
        async with http.post(f"{url}/session-ids", json={}, headers=bearer(KEY)) as reply:
            sessions = (await reply.json())["session_ids"]
        turns = []
        for session in sessions:  # it is written beside the answer: there may be none yet
            body = {"session_id": session}
            async with http.post(f"{url}/chat-history", json=body, headers=bearer(KEY)) as reply:
                turns += (await reply.json())["turns"]
        return [turn for turn in turns if turn["ended_at"]]

    async with asyncio.timeout(60):
        while not (turns := await ended()):
            await asyncio.sleep(0.02)
    assert [turn["complete"] for turn in turns] == [False]
