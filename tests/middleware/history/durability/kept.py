"""What is stored, and whether it is what callers were told and what the model was shown."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import asyncpg
import orjson

from tests.middleware.history.litellm import text_of

from .client import Client, Outcome
from .upstream import digest

Calls = dict[str, dict[str, Any]]
_ROWS = """
    SELECT session_id::text, messages::text, message::text, coalesce(complete, false)
    FROM turns LEFT JOIN answers ON turn_id = turns.id ORDER BY turns.id
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A stored turn."""

    session: str
    question: str
    answer: str | None
    complete: bool

    def messages(self) -> list[dict[str, Any]]:
        said = [{"role": "user", "content": self.question}]
        return said + ([{"role": "assistant", "content": self.answer}] if self.answer else [])


class Kept:
    """All of a database, by session, in its order."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)
        self.sessions: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            self.sessions[row.session].append(row)
        self.by_question = {row.question: row for row in self.rows}

    @classmethod
    async def of(cls, url: str) -> Kept:
        connection = await asyncpg.connect(url)
        try:
            return cls(_row(*row) for row in await connection.fetch(_ROWS))
        finally:
            await connection.close()

    def has_all_of(self, outcomes: Iterable[Outcome]) -> None:
        """Each turn at most once, and those that were answered as they were answered."""
        twice = [
            one for one, times in Counter(row.question for row in self.rows).items() if times > 1
        ]
        assert twice == []
        for one in outcomes:
            if one.answer is not None:
                row = self.by_question[one.question]
                assert (row.session, row.answer, row.complete) == (one.session, one.answer, True)

    def is_what_was_said(self, calls: Calls) -> None:
        """A complete answer is all that the model said to that question, another one its beginning."""
        for row in self.rows:
            if row.complete:
                assert row.answer == calls[row.question]["answer"]
            elif row.answer:
                assert calls[row.question]["answer"].startswith(row.answer)

    def is_what_was_shown(self, calls: Calls, outcomes: Iterable[Outcome]) -> None:
        """What each turn saw are whole turns that had ended before it, in order, none of them missing."""
        place = {row.question: number for number, row in enumerate(self.rows)}
        own = {row.question: row.session for row in self.rows}
        seen_of: dict[str, list[set[str]]] = defaultdict(list)
        for question, call in calls.items():
            if (
                question not in own
            ):  # a conversation that began, and is not kept before it is answered
                assert call["seen"] == []
                continue
            seen = [self.by_question[one] for one in call["seen"]]
            assert {row.session for row in seen} <= {own[question]}
            places = [place[one] for one in call["seen"]]
            assert places == sorted(places) and (not places or places[-1] < place[question])
            assert digest([one for row in seen for one in row.messages()]) == call["digest"]
            for row in seen:
                assert not row.complete or calls[row.question]["answered"] <= call["asked"]
            seen_of[own[question]].append(set(call["seen"]))
        for sets in seen_of.values():
            sets.sort(key=len)  # they are taken of one thing that only grows
            assert all(less <= more for less, more in pairwise(sets))
        self._knows_what_was_answered(calls, outcomes)

    async def is_what_is_read(self, client: Client) -> None:
        """The service tells of each conversation what is stored of it."""
        for session, rows in self.sessions.items():
            status, history = await client.history(session)
            assert status == 200
            told = [one for row in rows if row.answer for one in row.messages()]
            assert history["messages"] == told
            assert [one["complete"] for one in history["turns"]] == [row.complete for row in rows]

    def _knows_what_was_answered(self, calls: Calls, outcomes: Iterable[Outcome]) -> None:
        """Whatever had been answered to anybody before a turn was sent is seen by it."""
        by_session = defaultdict(list)
        for one in outcomes:
            by_session[one.session].append(one)
        for turns in by_session.values():
            answered = sorted((one for one in turns if one.answer), key=lambda one: one.ended)
            for one in turns:
                if call := calls.get(one.question):
                    before = {other.question for other in answered if other.ended < one.sent}
                    assert before <= set(call["seen"])


def _row(session: str, messages: str, message: str | None, complete: bool) -> Row:
    question = text_of(orjson.loads(messages)[-1])
    return Row(session, question, text_of(orjson.loads(message)) if message else None, complete)
