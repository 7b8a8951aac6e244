"""Scheduled jobs: when they run and for how long."""

from __future__ import annotations

import re

from gateway_lib.deploy.tree.context import JOB, Context, View
from gateway_lib.deploy.tree.nodes import seconds
from gateway_lib.deploy.tree.rule import rule

SCHEDULE = rule(
    "job/schedule",
    "A job has `on.schedule`: five cron fields, `@daily` and its kin, `@every 1h`, `none`, or AWS's"
    " `cron(...)` with six fields or `rate(...)`.",
)
TIMEOUT = rule("job/timeout", "A job's `timeout` is at least a second and in whole seconds.")
_WORDS = frozenset(
    {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}
)
_RATE = re.compile(r"rate\((?:1 (?:minute|hour|day)|(?:[2-9]|[1-9]\d+) (?:minutes|hours|days))\)")
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_UNIX = ((0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, _MONTHS), (0, 7, _DAYS))
_AWS = ((0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, _MONTHS), (1, 7, _DAYS), (1970, 2199, ()))


def check(context: Context) -> None:
    """Look at every job in every environment."""
    for view in context.views:
        if view.manifest.get("type") != JOB:
            continue
        schedule = view.get("on", "schedule")
        problem = _wrong(schedule)
        if problem:
            mend = "Write `schedule: '0 3 * * *'` (minute, hour, day, month, weekday; UTC)."
            context.report.add(SCHEDULE, view.path, view.line("on", "schedule"), problem, mend)
        _timeout(context, view)


def _timeout(context: Context, view: View) -> None:
    limit = seconds(view.get("timeout"))
    if limit is not None and (limit < 1 or limit != int(limit)):
        problem = "Step Functions counts whole seconds, one at least."
        mend = "Write a duration such as 3h or 90s."
        context.report.add(TIMEOUT, view.path, view.line("timeout"), problem, mend)


def _wrong(schedule: object) -> str:
    """What is wrong with a schedule; nothing, where it is right."""
    if not isinstance(schedule, str) or not schedule.strip():
        return "This job has no schedule."
    text = schedule.strip()
    if text in _WORDS or text == "none" or _RATE.fullmatch(text):
        return ""
    if text.startswith("@every "):
        every = seconds(text.removeprefix("@every ").strip())
        return "" if every and every >= 60 and every % 60 == 0 else _MINUTES
    inside = re.fullmatch(r"cron\((.*)\)", text)
    fields = (inside[1] if inside else text).split()
    shape = _AWS if inside else _UNIX
    if len(fields) != len(shape):
        return f"`{text}` has {len(fields)} fields; {len(shape)} are needed here."
    for field, (low, high, words) in zip(fields, shape, strict=True):
        if not _field(field, low, high, words, aws=inside is not None):
            return f"`{field}` in `{text}` is not a value from {low} to {high}."
    if inside and (fields[2] == "?") == (fields[4] == "?"):
        return f"Exactly one of the day and the weekday in `{text}` is `?`."
    return ""


_MINUTES = "`@every` takes whole minutes."


def _field(field: str, low: int, high: int, words: object, *, aws: bool) -> bool:
    special = {"?"} if not aws else {"?", "L", "LW"}
    names = [str(word) for word in words] if isinstance(words, list) else []
    for part in field.split(","):
        if part in special or (aws and re.fullmatch(r"\d+W|[A-Z0-9]+L|[A-Z0-9]+#[1-5]", part)):
            continue
        span, slash, step = part.partition("/")
        if slash and not (step.isdigit() and int(step) > 0):
            return False
        if span == "*":
            continue
        ends = span.split("-")
        if len(ends) > 2 or not all(_number(end, low, high, names) for end in ends):
            return False
    return True


def _number(text: str, low: int, high: int, names: list[str]) -> bool:
    return text.upper() in names or (text.isdigit() and low <= int(text) <= high)
