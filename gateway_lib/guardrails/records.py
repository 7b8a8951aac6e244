"""The table of a guardrail run: a row per call. No column holds what was said.

A text that leaked is a secret, so a row has the id of its case, counts and hashes. What was answered can
be shown from the suite, which holds the texts, to whoever asks for it (`gateway_lib.guardrails.leaks`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from gateway_lib.errors import ChecksInterrupted, ChecksUnusable

Outcome = Literal["block", "mask", "allow", "error"]
KEY = "guardrails"
"""Where a table's `attrs` tell how it was made."""
NONE = "none"
"""Name of no guardrail: the same call without one, to compare times with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One call.

    Attributes:
        call: Number in the run, from 0.
        case: Id of the case.
        category: Of the case.
        obfuscation: Of the case.
        place: Of the case.
        language: Of the case.
        severity: Of the case.
        owasp: Of the case.
        expected: What the suite expects: block, mask or allow.
        guardrail: Name that was asked for; `none` for the call without one.
        mode: `pre_call`, `during_call`, `post_call`, several joined by `+`, or `guardrailConfig`.
        model: Asked for.
        interface: `openai` or `bedrock`.
        streamed: Whether the answer was asked for as a stream.
        outcome: What happened: block, mask, allow, or error where nobody can tell.
        status: HTTP status; null where no response came.
        error_kind: Why nobody can tell: `http_NNN`, `timeout`, `connection`, `malformed` or
            `not_repeated`; null if they can.
        leaked_tokens: Tokens of a blocked answer that reached the client before the block.
        answer_tokens: Tokens that reached the client in all.
        latency_ms: From sending to the end of the answer.
        ttft_ms: From sending to the first content; null where none came.
        text_units: Text units that the guardrail is billed for.
        check_usd: Price of them, US dollars.
        units_source: `trace` where the guardrail told its usage, `estimate` where it did not.
        trace: Policies that intervened, sorted, joined by `+`; null where none was told.
        warning: The gateway's `x-guardrail-warning`; null without one.
        request_id: The gateway's, to find the call in its logs.
    """

    call: int
    case: str
    category: str
    obfuscation: str
    place: str
    language: str
    severity: str
    owasp: str
    expected: str
    guardrail: str
    mode: str
    model: str
    interface: str
    streamed: bool
    outcome: str
    status: int | None = None
    error_kind: str | None = None
    leaked_tokens: int = 0
    answer_tokens: int = 0
    latency_ms: float = 0.0
    ttft_ms: float | None = None
    text_units: int = 0
    check_usd: float = 0.0
    units_source: str | None = None
    trace: str | None = None
    warning: str | None = None
    request_id: str | None = None


COLUMNS = tuple(field.name for field in fields(Check))
CALL = ["guardrail", "mode", "interface", "streamed"]
"""Columns that tell one way of checking from another."""


def frame_of(checks: Iterable[Check], attrs: dict[str, Any] | None = None) -> pd.DataFrame:
    """The table of some calls, in the order of their numbers."""
    ordered = sorted(checks, key=lambda check: check.call)
    frame = pd.DataFrame([asdict(check) for check in ordered], columns=list(COLUMNS))
    frame["status"] = frame["status"].astype("Int16")
    frame.attrs[KEY] = dict(attrs or {})
    return frame


def read(path: Path) -> pd.DataFrame:
    """A table that was kept.

    Raises:
        ChecksUnusable: There is no such file, or it holds no checks.
    """
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ChecksUnusable(f"{path}: not a table of checks: {error}") from None
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise ChecksUnusable(f"{path}: columns are missing: {', '.join(missing)}")
    return frame


def whole(frame: pd.DataFrame) -> pd.DataFrame:
    """The table, where every planned call was made: nothing is promoted on a part of the calls.

    Raises:
        ChecksInterrupted: The run was stopped before its end.
    """
    story = frame.attrs.get(KEY, {})
    if story.get("interrupted"):
        raise ChecksInterrupted(f"interrupted: {story['made']} of {story['planned']} calls made")
    return frame


def guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of calls that named a guardrail."""
    return frame[frame["guardrail"] != NONE]


def told(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of calls that named a guardrail, and whose outcome is known."""
    return frame[(frame["guardrail"] != NONE) & (frame["outcome"] != "error")]
