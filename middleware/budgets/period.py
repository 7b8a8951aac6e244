"""Periods of a budget: how long one is, and which one a moment belongs to.

A length is LiteLLM's duration string. Periods follow each other from the moment at which the budget was
given, so that every replica finds the same ones without asking.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from middleware.budgets.errors import InvalidBudget

_LENGTH = re.compile(r"([1-9]\d{0,8})(s|m|h|d|w|mo)")
_WORDS = {"daily": "1d", "weekly": "1w", "monthly": "1mo"}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to, and without, `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Length:
    """How long a period is: seconds, or calendar months."""

    text: str
    seconds: int = 0
    months: int = 0

    @classmethod
    def parse(cls, text: object) -> Length:
        """The length that LiteLLM means by a duration. Raises `InvalidBudget`."""
        found = _LENGTH.fullmatch(_WORDS.get(text, text)) if isinstance(text, str) else None
        if found is None:
            raise InvalidBudget(
                f"The period {text!r} is none: a number and one of s, m, h, d, w, mo is, like '30d'."
            )
        count, unit = int(found[1]), found[2]
        months = count if unit == "mo" else 0
        seconds = 0 if months else count * _SECONDS[unit]
        if months > 1200 or seconds > _LONGEST.total_seconds():
            raise InvalidBudget(f"The period {text!r} is longer than a hundred years.")
        return cls(found[0], seconds, months)

    def period(self, anchor: datetime, moment: datetime) -> Period:
        """The period that `moment` is in, where the first one began at `anchor`."""
        if self.months:
            gone = (moment.year - anchor.year) * 12 + moment.month - anchor.month
            number = gone // self.months
            while _month(anchor, number * self.months) > moment:
                number -= 1
            start, end = number * self.months, (number + 1) * self.months
            return Period(_month(anchor, start), _month(anchor, end))
        number = (moment - anchor) // timedelta(seconds=self.seconds)
        start_at = anchor + number * timedelta(seconds=self.seconds)
        return Period(start_at, start_at + timedelta(seconds=self.seconds))


def now() -> datetime:
    return datetime.now(UTC)


def _month(anchor: datetime, months: int) -> datetime:
    """The same day and time `months` later, or the month's last day where it has no such day."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    day = min(anchor.day, monthrange(year, month + 1)[1])
    return anchor.replace(year=year, month=month + 1, day=day)
