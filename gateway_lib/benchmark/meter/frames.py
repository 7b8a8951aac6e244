"""AWS event-stream framing, decoding side: the answer of ConverseStream.

The layout is in `middleware.bedrock.eventstream`, which encodes it. Checksums are not verified: TCP and
TLS have done so, and the meter's time is better spent elsewhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import orjson

from gateway_lib.benchmark.meter.reading import Pieces, Reading, take_converse_usage

_PRELUDE = struct.Struct(">II")
_LENGTH = struct.Struct(">H")
_OVERHEAD, _PREFIX, _CHECKSUM = 16, 12, 4
_STRING = 7


class Malformed(ValueError):
    """What came is not a sequence of frames."""


def frames(pieces: Pieces) -> Iterator[tuple[float, dict[str, str], bytes]]:
    """Headers and payload of frames, each with the moment at which its last byte came.

    Raises:
        Malformed: What came is not a sequence of whole frames.
    """
    rest = b""
    for moment, piece in pieces:
        rest += piece
        while len(rest) >= _PREFIX:
            total, headers = _PRELUDE.unpack_from(rest)
            if total < _OVERHEAD + headers:
                raise Malformed(f"a frame of {total} bytes with headers of {headers}")
            if len(rest) < total:
                break
            start = _PREFIX + headers
            yield moment, _headers(rest[_PREFIX:start]), rest[start : total - _CHECKSUM]
            rest = rest[total:]
    if rest:
        raise Malformed(f"{len(rest)} bytes of a frame that did not come whole")


def _headers(block: bytes) -> dict[str, str]:
    found, at = {}, 0
    while at < len(block):
        name_end = at + 1 + block[at]
        if block[name_end] != _STRING:
            raise Malformed(f"a header of type {block[name_end]}")
        (length,) = _LENGTH.unpack_from(block, name_end + 1)
        value_end = name_end + 3 + length
        found[block[at + 1 : name_end].decode()] = block[name_end + 3 : value_end].decode()
        at = value_end
    return found


def read_converse_stream(pieces: Pieces) -> Reading:
    """An answer of ConverseStream."""
    reading = Reading()
    try:
        for moment, headers, payload in frames(pieces):
            event = headers.get(":event-type")
            document = orjson.loads(payload or b"{}")
            if event is None:
                kind = headers.get(":exception-type") or headers.get(":error-code", "unknown")
                reading.fail("stream_error", f"{kind}: {document.get('message', '')}")
                break
            _take(reading, moment, event, document)
    except Malformed as error:
        reading.fail("malformed", str(error))
    except (orjson.JSONDecodeError, struct.error, IndexError):
        reading.fail("malformed", "a frame that cannot be read")
    if reading.finish_reason is None:
        reading.fail("incomplete", "the stream ended without messageStop")
    return reading


def _take(reading: Reading, moment: float, event: str, document: dict[str, Any]) -> None:
    match event:
        case "contentBlockDelta":
            delta = document.get("delta") or {}
            if text := delta.get("text"):
                reading.texts.append(text)
            if text or "toolUse" in delta or "reasoningContent" in delta:
                reading.moments.append(moment)
        case "messageStop":
            reading.finish_reason = document.get("stopReason")
        case "metadata":
            take_converse_usage(reading, document.get("usage") or {})
