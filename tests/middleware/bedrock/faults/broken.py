"""The ways in which answers go wrong, each by its name."""

from __future__ import annotations

import json
from typing import Any

from .answers import CALL, CUT, DONE, STREAM, TEXT, USAGE, completion, event

_ODD_VALUES: list[Any] = [
    None,
    0,
    -1,
    1.5,
    True,
    "",
    "x",
    [],
    [None],
    [[]],
    {},
    {"a": 1},
    [{}],
    10**30,
]


def _odd_completions() -> dict[str, bytes]:
    """A completion with one member of an odd type, for every member that is read."""
    found = {}
    for number, odd in enumerate(_ODD_VALUES):
        bodies = {
            "choices": json.dumps({"choices": odd}).encode(),
            "choice": json.dumps({"choices": [odd]}).encode(),
            "message": json.dumps({"choices": [{"message": odd}]}).encode(),
            "content": completion({**TEXT, "content": odd}),
            "refusal": completion({**TEXT, "content": None, "refusal": odd}),
            "tool_calls": completion({**TEXT, "tool_calls": odd}),
            "tool_call": completion({**TEXT, "tool_calls": [odd]}),
            "function": completion({**TEXT, "tool_calls": [{**CALL, "function": odd}]}),
            "call_id": completion({**TEXT, "tool_calls": [{**CALL, "id": odd}]}),
            "name": completion(_with_function(name=odd)),
            "arguments": completion(_with_function(arguments=odd)),
            "thinking_blocks": completion({**TEXT, "thinking_blocks": odd}),
            "thinking_block": completion({**TEXT, "thinking_blocks": [odd]}),
            "thinking": completion(
                {
                    **TEXT,
                    "thinking_blocks": [{"type": "thinking", "thinking": odd, "signature": odd}],
                }
            ),
            "redacted": completion(
                {**TEXT, "thinking_blocks": [{"type": "redacted_thinking", "data": odd}]}
            ),
            "reasoning": completion({**TEXT, "reasoning_content": odd}),
            "finish": completion(finish=odd),
            "usage": completion(usage=odd),
            "details": completion(usage={**USAGE, "prompt_tokens_details": odd}),
            "tokens": completion(usage={"prompt_tokens": odd, "completion_tokens": odd}),
            "cached": completion(usage={**USAGE, "prompt_tokens_details": {"cached_tokens": odd}}),
            "tier": completion(service_tier=odd),
            "whole": json.dumps(odd).encode(),
        }
        found |= {f"{name}={number}": body for name, body in bodies.items()}
    return found


def _with_function(**members: Any) -> dict[str, Any]:
    return {**TEXT, "tool_calls": [{**CALL, "function": {**CALL["function"], **members}}]}


def _odd_streams() -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for number, odd in enumerate(_ODD_VALUES):
        chunks = {
            "choices": b"data: " + json.dumps({"choices": odd}).encode() + b"\n\n",
            "choice": b"data: " + json.dumps({"choices": [odd]}).encode() + b"\n\n",
            "delta": b"data: " + json.dumps({"choices": [{"delta": odd}]}).encode() + b"\n\n",
            "content": event({"content": odd}),
            "refusal": event({"refusal": odd}),
            "tool_calls": event({"tool_calls": odd}),
            "tool_call": event({"tool_calls": [odd]}),
            "index": event({"tool_calls": [{**CALL, "index": odd}]}),
            "function": event({"tool_calls": [{**CALL, "index": 0, "function": odd}]}),
            "arguments": event(
                {"tool_calls": [{**CALL, "index": 0, "function": {"name": odd, "arguments": odd}}]}
            ),
            "thinking_blocks": event({"thinking_blocks": odd}),
            "thinking": event(
                {"thinking_blocks": [{"thinking": odd, "signature": odd, "data": odd}]}
            ),
            "reasoning": event({"reasoning_content": odd}),
            "finish": event({"content": "x"}, odd),
            "usage": event({}, usage=odd),
            "error": b"data: " + json.dumps({"error": odd}).encode() + b"\n\n",
            "code": b"data: "
            + json.dumps({"error": {"code": odd, "message": odd}}).encode()
            + b"\n\n",
            "whole": b"data: " + json.dumps(odd).encode() + b"\n\n",
        }
        for name, chunk in chunks.items():
            found[f"{name}={number} first"] = [chunk, *STREAM, DONE]
            found[f"{name}={number} later"] = [*STREAM[:2], chunk, STREAM[2], DONE]
    return found


BODIES: dict[str, bytes] = {
    "null": b"null",
    "empty": b"",
    "html": b"<html><body>502 Bad Gateway</body></html>",
    "half": completion()[:60],
    "bytes": b"\xff\xfe\x00",
    "nested": b"[" * 2000 + b"]" * 2000,
    "surrogate": completion({**TEXT, "content": "\ud800"}),
    "error in 200": b'{"error": {"message": "no", "code": "429"}}',
    **_odd_completions(),
}
STREAMS: dict[str, list[Any]] = {
    "nothing": [],
    "only done": [DONE],
    "no finish": [*STREAM[:2], DONE],
    "half a chunk": [STREAM[0], STREAM[1][:20]],
    "not json": [STREAM[0], b"data: {oops\n\n"],
    "not json first": [b"data: {oops\n\n"],
    "html": [b"<html>\n\n</html>"],
    "json instead": [completion()],
    "bytes": [b"data: \xff\xfe\n\n"],
    "nested": [b"data: " + b"[" * 2000 + b"]" * 2000 + b"\n\n"],
    "null": [b"data: null\n\n"],
    "cut": [*STREAM[:2], CUT],
    "cut first": [CUT],
    "error": [STREAM[0], b'data: {"error": {"message": "slow down", "code": "429"}}\n\n'],
    "error first": [b'data: {"error": {"message": "slow down", "code": 429}}\n\n'],
    "after the end": [*STREAM, event({"content": "more"}), DONE],
    "two choices": [event({"content": "a"}) + event({"content": "b"}), STREAM[2], DONE],
    "odd lines": [b"id: 1\nretry: 5\n: c\n\n", b"data:", b"\n\ndata\n\n", *STREAM],
    **_odd_streams(),
}
STATUSES = (301, 400, 401, 403, 404, 408, 413, 418, 422, 429, 451, 500, 501, 502, 503, 504, 529)
FAULTS = (
    *(f"body {name}" for name in BODIES),
    *(f"stream {name}" for name in STREAMS),
    *(
        f"status {code} {name}"
        for code in STATUSES
        for name in ("null", "empty", "html", "error in 200")
    ),
    *(f"headers {name}" for name in ("latin", "long", "encoding")),
)
