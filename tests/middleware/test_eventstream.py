"""The event-stream encoder against botocore's decoder."""

import json
import random
import struct
import zlib

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

from middleware.bedrock.eventstream import MAX_FRAME, encode, event, exception


def decode(*frames: bytes, chunk: int = 1 << 20):
    buffer, found, data = EventStreamBuffer(), [], b"".join(frames)
    for start in range(0, len(data), chunk):
        buffer.add_data(data[start : start + chunk])
        found += list(buffer)
    return found


def test_event_carries_the_three_headers_aws_sends():
    (message,) = decode(event("messageStop", b'{"stopReason":"end_turn"}'))
    assert message.headers == {
        ":event-type": "messageStop",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    assert json.loads(message.payload) == {"stopReason": "end_turn"}


def test_exception_is_an_error_for_botocore():
    (message,) = decode(exception("throttlingException", b'{"message":"slow down"}'))
    assert message.headers[":message-type"] == "exception"
    assert message.headers[":exception-type"] == "throttlingException"
    assert message.to_response_dict()["status_code"] == 400


def test_known_bytes():
    """The frame of an empty payload without headers, computed by hand from the specification."""
    prelude = struct.pack(">II", 16, 0)
    head = prelude + struct.pack(">I", zlib.crc32(prelude))
    assert encode({}, b"") == head + struct.pack(">I", zlib.crc32(head))


@pytest.mark.parametrize("seed", range(40))
def test_any_headers_and_payload_come_back(seed):
    draw = random.Random(seed)
    alphabet = "abcäöü€😀-:. "
    headers = {
        "".join(draw.choices("abcdefghij:-", k=draw.randint(1, 60))): "".join(
            draw.choices(alphabet, k=draw.choice([0, 1, 7, 300, 4000]))
        )
        for _ in range(draw.randint(0, 6))
    }
    payloads = [draw.randbytes(draw.choice([0, 1, 15, 16, 17, 1000, 70_000])) for _ in range(3)]
    frames = [encode(headers, payload) for payload in payloads]
    messages = decode(*frames, chunk=draw.choice([1 << 20, 4096, 333]))
    assert [m.payload for m in messages] == payloads
    assert all(m.headers == headers for m in messages)
    assert [m.prelude.total_length for m in messages] == [len(frame) for frame in frames]


@pytest.mark.parametrize("position", [0, 9, 13, 40, -20, -1])
def test_a_flipped_bit_is_found(position):
    frame = bytearray(event("metadata", b"x" * 50))
    frame[position] ^= 1
    with pytest.raises(ChecksumMismatch):
        decode(bytes(frame))


@pytest.mark.parametrize(
    ("headers", "payload", "words"),
    [
        ({"": "x"}, b"", "header name of 0 bytes"),
        ({"n" * 256: "x"}, b"", "header name of 256 bytes"),
        ({"name": "v" * 32768}, b"", "32768 bytes"),
        ({}, b"x" * MAX_FRAME, "exceeds"),
    ],
)
def test_what_does_not_fit_is_refused(headers, payload, words):
    with pytest.raises(ValueError, match=words):
        encode(headers, payload)


def test_limits_themselves_fit():
    headers = {"n" * 255: "v" * 32767}
    (message,) = decode(encode(headers, b""))
    assert message.headers == headers
