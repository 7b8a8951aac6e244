"""Event streams, frame by frame.

Framing is checked with botocore's own decoder, which verifies both checksums of a frame; headers and
payloads strictly against the service model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from botocore.eventstream import EventStreamBuffer, NoInitialResponseError, ParserError

from tests.contract.shapes import event_violations

MEDIA_TYPE = "application/vnd.amazon.eventstream"


@dataclass(frozen=True, slots=True)
class Frame:
    """One event, or the exception that ends a stream."""

    name: str
    payload: dict[str, Any]
    is_exception: bool = False


def decoded(body: bytes, operation: str) -> tuple[list[Frame], list[str]]:
    """The frames of a response body, and what is wrong with them, one line each."""
    frames: list[Frame] = []
    wrong: list[str] = []
    buffer, length = EventStreamBuffer(), 0
    buffer.add_data(body)
    try:
        for number, message in enumerate(buffer):
            length += message.prelude.total_length
            frame, mistakes = _frame(message.headers, message.payload, operation)
            wrong += [f"frame {number}: {mistake}" for mistake in mistakes]
            if frame:
                frames.append(frame)
    except (ParserError, NoInitialResponseError) as error:
        wrong.append(f"frame {len(frames)}: {error}")
    if not wrong and length != len(body):
        wrong.append(f"{len(body) - length} bytes after the last whole frame")
    return frames, wrong


def _frame(
    headers: dict[str, Any], payload: bytes, operation: str
) -> tuple[Frame | None, list[str]]:
    kind = headers.get(":message-type")
    type_header = {"event": ":event-type", "exception": ":exception-type"}.get(str(kind))
    if type_header is None:
        return None, [f":message-type is {kind!r}"]
    wrong = []
    if headers.keys() != {":message-type", type_header, ":content-type"}:
        wrong.append(f"headers {', '.join(headers)}")
    if headers.get(":content-type") != "application/json":
        wrong.append(f":content-type is {headers.get(':content-type')!r}")
    name = str(headers.get(type_header))
    if (kind == "exception") != name.endswith("Exception"):
        wrong.append(f"{name} as {kind}")
    try:
        body = json.loads(payload)
    except ValueError:
        return None, [*wrong, f"{name}: the payload is not JSON"]
    return Frame(name, body, kind == "exception"), wrong + event_violations(operation, name, body)
