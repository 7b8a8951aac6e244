"""The usage in a stream of completions, which not every caller asked for."""

from __future__ import annotations

from typing import Any

import orjson

_END = b"\n\n"


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


class WithoutUsage:
    """Takes the usage out of a stream whose caller did not ask for it."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes, *, more: bool) -> bytes:
        """What of the stream may be sent now: whole events, and at the end what is left."""
        whole = self._rest + piece
        end = len(whole) if not more else whole.rfind(_END) + 2
        if end < 2:
            self._rest = whole
            return b""
        whole, self._rest = whole[:end], whole[end:]
        if b'"usage"' not in whole:
            return whole
        return _END.join(event for event in whole.split(_END) if not is_only_usage(event))
