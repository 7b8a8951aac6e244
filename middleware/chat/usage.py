"""The usage in a stream of completions, which not every caller asked for."""

from __future__ import annotations

from typing import Any

import orjson


def is_only_usage(event: bytes) -> bool:
    """Whether an event of a stream of completions says what was used and nothing else."""
    if not event.startswith(b"data:") or b'"usage"' not in event:
        return False
    try:
        chunk: Any = orjson.loads(event[5:])
    except orjson.JSONDecodeError:
        return False
    choices = chunk.get("choices") or ()
    return bool(chunk.get("usage")) and not any(
        choice.get("finish_reason")
        or choice.get("text")
        or any((choice.get("delta") or {}).values())
        for choice in choices
    )
