"""AWS event-stream framing, encoding side.

Bedrock's streaming operations answer with binary frames, not with server-sent events. A frame is
``u32 total length | u32 headers length | u32 CRC-32 of the two | headers | payload | u32 CRC-32 of
everything before``, all big-endian; a string header is ``u8 name length | name | u8 7 | u16 value
length | value`` (AWS, "Event stream encoding"). The AWS SDKs for JavaScript and Kotlin fail on a
frame without ``:message-type``, so the helpers always write the three headers AWS writes. Header
bytes repeat for every token of a stream and are therefore built once per event name.
"""

import struct
import zlib
from collections.abc import Mapping
from functools import lru_cache

CONTENT_TYPE = "application/vnd.amazon.eventstream"
"""Media type of a response whose body is a sequence of these frames."""

MAX_FRAME = 16 * 1024 * 1024
"""Largest frame AWS allows, in bytes."""

_STRING = 7
_PRELUDE = struct.Struct(">II")
_U32 = struct.Struct(">I")
_OVERHEAD = 16


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one frame with string headers.

    Args:
        headers: Header names and values, e.g. ``{":event-type": "metadata"}``.
        payload: The body, any bytes.

    Raises:
        ValueError: A name is empty or longer than 255 bytes, a value longer than 32767 bytes, or
            the frame larger than `MAX_FRAME`.
    """
    return _frame(_header_block(tuple(headers.items())), payload)


def event(name: str, payload: bytes, content_type: str = "application/json") -> bytes:
    """Return the frame of a modelled event, e.g. ``event("messageStop", b"{...}")``."""
    head, checksum = _event_head(name, content_type, len(payload))
    return b"%b%b%b" % (head, payload, _U32.pack(zlib.crc32(payload, checksum)))


def exception(name: str, payload: bytes, content_type: str = "application/json") -> bytes:
    """Return the frame of a modelled exception, e.g. ``exception("throttlingException", ...)``."""
    return _frame(_typed_block("exception", ":exception-type", name, content_type), payload)


def _frame(block: bytes, payload: bytes) -> bytes:
    head, checksum = _head(block, len(payload))
    return head + payload + _U32.pack(zlib.crc32(payload, checksum))


def _head(block: bytes, length: int) -> tuple[bytes, int]:
    """What a frame has before a payload of this length, and the checksum of that."""
    total = _OVERHEAD + len(block) + length
    if total > MAX_FRAME:
        raise ValueError(f"event-stream frame of {total} bytes exceeds {MAX_FRAME}")
    prelude = _PRELUDE.pack(total, len(block))
    head = prelude + _U32.pack(zlib.crc32(prelude)) + block
    return head, zlib.crc32(head)


@lru_cache(maxsize=1024)
def _event_head(name: str, content_type: str, length: int) -> tuple[bytes, int]:
    # tokens are short, so that few lengths come again and again
    return _head(_typed_block("event", ":event-type", name, content_type), length)


@lru_cache(maxsize=256)
def _typed_block(message_type: str, type_header: str, name: str, content_type: str) -> bytes:
    return _header_block(
        ((type_header, name), (":content-type", content_type), (":message-type", message_type))
    )


def _header_block(headers: tuple[tuple[str, str], ...]) -> bytes:
    block = bytearray()
    for name, value in headers:
        raw_name, raw_value = name.encode(), value.encode()
        if not 0 < len(raw_name) <= 255:
            raise ValueError(f"event-stream header name of {len(raw_name)} bytes: {name[:40]!r}")
        if len(raw_value) > 32767:
            raise ValueError(f"event-stream header {name!r} has {len(raw_value)} bytes, max 32767")
        block += struct.pack(">B", len(raw_name)) + raw_name
        block += struct.pack(">BH", _STRING, len(raw_value)) + raw_value
    return bytes(block)
