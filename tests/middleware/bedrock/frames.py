"""Event-stream bytes read back with botocore's own decoder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from botocore.eventstream import EventStreamBuffer


@dataclass(frozen=True)
class Frame:
    name: str
    body: dict[str, Any]
    kind: str = "event"


def read(data: bytes) -> list[Frame]:
    """The frames of a stream; each must carry the three headers that AWS sends."""
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    frames = []
    for message in buffer:
        headers = message.headers
        kind = headers[":message-type"]
        assert headers[":content-type"] == "application/json"
        frames.append(Frame(headers[f":{kind}-type"], json.loads(message.payload), kind))
    return frames
