"""Requests that a hostile or broken client could send, each reproducible from its number."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .seeds import REQUESTS
from .values import HEADERS, INVALID_UTF8, LITERALS, MODELS, NAMES, ODD_PATHS, SCALARS


@dataclass(frozen=True)
class Hostile:
    """One request."""

    number: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    pieces: int = 1

    def __str__(self) -> str:
        return f"#{self.number} {self.method} {self.path[:200]} {self.headers}\n    {self.body[:1500]!r}"


def hostile(number: int) -> Hostile:
    """The request of a number."""
    draw = random.Random(number)
    operation, seed = draw.choice(REQUESTS)
    body = copy.deepcopy(seed)
    for _ in range(draw.choice((0, 0, 1, 1, 1, 1, 2, 3, 6))):
        body = _mutated(body, draw)
    data = json.dumps(body, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")
    if draw.random() < 0.25:
        data = _damaged(data, draw)
    headers: dict[str, str | None] = {
        "content-type": "application/json",
        "authorization": "Bearer sk-fuzz",
    }
    if draw.random() < 0.1:
        headers |= draw.choice(HEADERS)
    method = draw.choice(("GET", "PUT", "DELETE", "OPTIONS")) if draw.random() < 0.02 else "POST"
    return Hostile(
        number,
        method,
        _path(operation, draw),
        {name: value for name, value in headers.items() if value is not None},
        data,
        pieces=draw.choice((1, 1, 1, 1, 1, 2, 5)),
    )


def _path(operation: str, draw: random.Random) -> str:
    if operation == "apply":
        identifier = draw.choice(("gr1", "unknown", *ODD_PATHS))
        return f"/bedrock/guardrail/{identifier}/version/{draw.choice(('1', 'DRAFT', '%00'))}/apply"
    odd = draw.random() < 0.12
    model = draw.choice(ODD_PATHS) if odd else quote(draw.choice(MODELS), safe="")
    suffix = draw.choice(("/", "?a=b", "%20", "/x")) if draw.random() < 0.02 else ""
    return f"/bedrock/model/{model}/{operation}{suffix}"


def _mutated(body: Any, draw: random.Random) -> Any:
    """A copy with one change somewhere in the tree."""
    places = list(_places(body)) if isinstance(body, dict | list) else []
    if not places or draw.random() < 0.01:
        return copy.deepcopy(draw.choice(SCALARS))
    parent, key = draw.choice(places)
    match draw.randrange(8):
        case 0 | 1:
            parent[key] = copy.deepcopy(draw.choice(SCALARS))
        case 2:
            del parent[key]
        case 3 if isinstance(parent, dict):
            parent[draw.choice(NAMES)] = parent.pop(key)
        case 4 if isinstance(parent, dict):
            null = draw.random() < 0.5
            parent[draw.choice(NAMES)] = None if null else copy.deepcopy(draw.choice(SCALARS))
        case 3 | 4:
            parent.insert(draw.randrange(len(parent) + 1), copy.deepcopy(draw.choice(SCALARS)))
        case 5:
            other, name = draw.choice(places)
            parent[key] = copy.deepcopy(other[name])
        case 6:
            parent[key] = _nested(parent[key], draw)
        case 7 if isinstance(parent, list):
            parent *= draw.choice((2, 3, 30))
        case 7:
            parent[key] = str(parent[key]) if draw.random() < 0.5 else [parent[key]]
    return body


def _places(value: Any):
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(pairs):
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)


def _nested(value: Any, draw: random.Random) -> Any:
    for _ in range(draw.choice((2, 10, 40))):
        value = [value] if draw.random() < 0.5 else {draw.choice(NAMES): value}
    return value


def _damaged(data: bytes, draw: random.Random) -> bytes:
    """Bytes that JSON does not allow, or that JSON allows and nobody expects."""
    at = draw.randrange(len(data) + 1)
    match draw.randrange(12):
        case 0:
            return data[:at]
        case 1:
            return b""
        case 2:
            return data[:at] + draw.choice(INVALID_UTF8) + data[at:]
        case 3:
            return data.replace(b'"Hello"', draw.choice(LITERALS), 1)
        case 4:
            return data.replace(b"100", draw.choice(LITERALS)).replace(
                b"0.5", draw.choice(LITERALS)
            )
        case 5:
            return data[:1] + b'"messages": [], "messages": null, ' + data[1:]
        case 6:
            return b"\xef\xbb\xbf" + data
        case 7:
            return data + draw.choice((b"\n", b"x", b"{}", b"\x00"))
        case 8:
            return draw.choice(
                (b"[" * 100_000, b'{"a":' * 5000, b"[" * 900 + b"]" * 900, b"null", b'""')
            )
        case 9:
            return data.replace(b'"text"', b'"text": null, "text"', 1)
        case 10:
            depth = draw.choice((100, 260, 1000))
            return data.replace(b'"string"', b"[" * depth + b"]" * depth, 1).replace(
                b"2.5", b'{"a":' * depth + b"1" + b"}" * depth
            )
        case _:
            flipped = bytearray(data)
            if flipped:
                flipped[at % len(flipped)] ^= 1 << draw.randrange(8)
            return bytes(flipped)
