"""What came of an answer: read from the bytes and the moments at which they came.

While an answer is under way its bytes are only put aside with their times. They are understood when it
has ended, so that taking one answer apart costs the others as little as possible of their timing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

import orjson

Pieces = Sequence[tuple[float, bytes]]
"""Bytes as they came, each with its moment."""


@dataclass(slots=True)
class Reading:
    """An answer, understood.

    Attributes:
        moments: When each chunk with content came: text, reasoning or a part of a tool call.
        texts: Parts of the answer's text.
        finish_reason: Why the model stopped; null as long as nobody said so.
        usage: Tokens as the interface counts them.
        cost_usd: What the body says of it.
        model: Named in the answer.
        session_id: Named in the answer.
        error: What the answer says went wrong.
        error_kind: Its kind, as in the records.
    """

    moments: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    usage: Tokens | None = None
    cost_usd: float | None = None
    model: str | None = None
    session_id: str | None = None
    error: str | None = None
    error_kind: str | None = None

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def gaps_ms(self) -> tuple[float | None, float | None]:
        """Median and longest gap between chunks."""
        gaps = [(later - earlier) * 1000 for earlier, later in pairwise(self.moments)]
        return (median(gaps), max(gaps)) if gaps else (None, None)

    def fail(self, kind: str, error: str) -> None:
        """Note what went wrong; the first thing counts."""
        if self.error_kind is None:
            self.error_kind, self.error = kind, error[:300]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens in (cached ones included), out, and in from the provider's cache."""

    input: int
    output: int
    cached: int | None


def answer_hash(text: str) -> str:
    """BLAKE2b of a text, 16 hex digits."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def events(pieces: Pieces) -> Iterator[tuple[float, bytes]]:
    """Data of server-sent events, each with the moment at which its last byte came.

    One line of data per event, as these interfaces send them; comments and other fields are skipped.
    """
    rest = b""
    for moment, piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield moment, line[5:].strip()
    if rest.startswith(b"data:"):
        yield pieces[-1][0], rest[5:].strip()


def read_chat_stream(pieces: Pieces) -> Reading:
    """A streamed chat completion."""
    reading = Reading()
    for moment, data in events(pieces):
        if data == b"[DONE]":
            continue
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            reading.fail("malformed", f"not JSON: {data[:80]!r}")
            break
        if not isinstance(chunk, dict) or chunk.get("error"):
            reading.fail("stream_error", error_text(chunk))
            break
        _take_chunk(reading, moment, chunk)
    if reading.finish_reason is None:
        reading.fail("incomplete", "the stream ended without a finish reason")
    return reading


def _take_chunk(reading: Reading, moment: float, chunk: dict[str, Any]) -> None:
    reading.model = chunk.get("model") or reading.model
    reading.session_id = chunk.get("session_id") or reading.session_id
    if usage := chunk.get("usage"):
        _take_usage(reading, usage)
    for choice in chunk.get("choices") or ():
        reading.finish_reason = choice.get("finish_reason") or reading.finish_reason
        delta = choice.get("delta") or {}
        text = delta.get("content")
        if text:
            reading.texts.append(text)
        if text or delta.get("tool_calls") or delta.get("reasoning_content"):
            reading.moments.append(moment)


def read_chat(pieces: Pieces) -> Reading:
    """A chat completion in one piece."""
    reading = Reading()
    answer = _document(reading, pieces)
    if answer is None:
        return reading
    reading.model, reading.session_id = answer.get("model"), answer.get("session_id")
    _take_usage(reading, answer.get("usage") or {})
    for choice in (answer.get("choices") or ())[:1]:
        message = choice.get("message") or {}
        reading.finish_reason = choice.get("finish_reason")
        if isinstance(text := message.get("content"), str):
            reading.texts.append(text)
        reading.moments.append(pieces[-1][0])
    if reading.finish_reason is None:
        reading.fail("incomplete", "the answer has no choice")
    return reading


def _take_usage(reading: Reading, usage: Mapping[str, Any]) -> None:
    if "prompt_tokens" in usage:
        details = usage.get("prompt_tokens_details") or {}
        reading.usage = Tokens(
            int(usage["prompt_tokens"]),
            int(usage.get("completion_tokens") or 0),
            _whole(details.get("cached_tokens")),
        )
    cost = usage.get("cost")
    if isinstance(cost, int | float):
        reading.cost_usd = float(cost)


def read_converse(pieces: Pieces) -> Reading:
    """An answer of Converse."""
    reading = Reading()
    answer = _document(reading, pieces)
    if answer is None:
        return reading
    message = (answer.get("output") or {}).get("message") or {}
    reading.texts = [block["text"] for block in message.get("content") or () if "text" in block]
    reading.finish_reason = answer.get("stopReason")
    take_converse_usage(reading, answer.get("usage") or {})
    if message:
        reading.moments.append(pieces[-1][0])
    if reading.finish_reason is None:
        reading.fail("incomplete", "the answer has no stop reason")
    return reading


def take_converse_usage(reading: Reading, usage: Mapping[str, Any]) -> None:
    """Usage of Converse, whose input tokens are those that were not in the cache."""
    if "inputTokens" not in usage:
        return
    cached = _whole(usage.get("cacheReadInputTokens"))
    written = _whole(usage.get("cacheWriteInputTokens")) or 0
    whole = int(usage["inputTokens"]) + (cached or 0) + written
    reading.usage = Tokens(whole, int(usage.get("outputTokens") or 0), cached)


def _document(reading: Reading, pieces: Pieces) -> dict[str, Any] | None:
    try:
        answer = orjson.loads(b"".join(piece for _, piece in pieces))
    except orjson.JSONDecodeError:
        reading.fail("malformed", "the body is not JSON")
        return None
    if not isinstance(answer, dict):
        reading.fail("malformed", "the body is not a JSON object")
        return None
    return answer


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def error_text(document: Any) -> str:
    """The message of an error in either interface's shape."""
    if isinstance(document, dict):
        error = document.get("error", document.get("message", document))
        if isinstance(error, dict):
            error = error.get("message") or error
        return " ".join(str(error).split())
    return " ".join(str(document).split())


def refusal_text(body: bytes) -> str:
    """What the body of an error status says."""
    try:
        return error_text(orjson.loads(body))[:300]
    except orjson.JSONDecodeError:
        return body[:200].decode(errors="replace").strip() or "no body"
