"""What is said of an answer later: a thumb, a score, whether the case was resolved."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from middleware.auth import Identity
from middleware.database import Database
from middleware.experiments.errors import ExperimentInvalid, FeedbackNotFound
from middleware.experiments.register import Register

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST_NAMES = 20
"""Names that one answer may have values of."""
# locked, so that values that are given at once are counted one after the other
_ANSWER = """
    SELECT number FROM experiment_exposures
    WHERE request_id = $1 AND role = 'answer' AND (by_key = $2 OR by_user = $3)
    FOR NO KEY UPDATE
"""
_GIVE = """
    INSERT INTO experiment_feedback (number, name, value)
    SELECT $1, $2, $3
    WHERE (SELECT count(*) FROM experiment_feedback WHERE number = $1 AND name <> $2) < $4
    ON CONFLICT (number, name) DO UPDATE SET value = excluded.value, given_at = now()
    RETURNING number
"""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A value for one answer; the latest of a name counts."""

    request_id: str
    name: str
    value: float

    @classmethod
    def of(cls, document: Any) -> Feedback:
        """Read one. Raises `ExperimentInvalid` for anything else."""
        known = {"request_id", "name", "value"}
        if not isinstance(document, dict) or document.keys() != known:
            raise ExperimentInvalid("Feedback has request_id, name and value, and nothing else.")
        request_id, name, value = document["request_id"], document["name"], document["value"]
        if not isinstance(request_id, str):
            raise ExperimentInvalid("request_id must be a text: the answer's x-request-id.")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ExperimentInvalid(
                "name must begin with a small letter and have up to 40 small letters, digits and underscores."
            )
        if not isinstance(value, bool | int | float) or not _is_finite(value):
            raise ExperimentInvalid("value must be a number, or true or false.")
        return cls(request_id, name, float(value))


class Feedbacks:
    """Takes it from whoever made the call."""

    def __init__(self, database: Database, register: Register) -> None:
        self._database = database
        self._register = register

    async def give(self, identity: Identity, feedback: Feedback) -> None:
        """Write it down.

        Raises:
            FeedbackNotFound: neither this key nor its user has made such a call in an experiment.
            ExperimentInvalid: the answer has values of `MOST_NAMES` other names.
            DatabaseUnavailable, ExperimentsUnavailable
        """
        author = await self._register.author(identity)
        if author is None:
            raise FeedbackNotFound
        async with self._database.connection() as connection, connection.transaction():
            number = await connection.fetchval(
                _ANSWER, feedback.request_id, author.by_key, author.by_user
            )
            if number is None:
                raise FeedbackNotFound
            given = await connection.fetchval(
                _GIVE, number, feedback.name, feedback.value, MOST_NAMES
            )
        if given is None:
            raise ExperimentInvalid(
                f"An answer has feedback of up to {MOST_NAMES} names, and this one has them."
            )


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
