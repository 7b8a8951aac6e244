"""A streamed completion on its way through: read for the history, passed on as the bytes it is.

The first event is given the session's id. From the piece on in which the model finishes everything is held
back until the turn is durable, so that nobody learns of the end of an answer that could still be lost.
"""

from __future__ import annotations

import re

import orjson

from middleware.chat.answer import Answer
from middleware.chat.usage import is_only_usage
from middleware.sse import EventParser

_FIRST = re.compile(rb"data: ?\{")
_DONE = b"[DONE]"


class Relay:
    """Feed it pieces; it gives back what may be sent."""

    def __init__(self, session_id: str, choices: int, *, hides_usage: bool) -> None:
        """Relay one stream.

        Args:
            session_id: the conversation's.
            choices: how many answers the stream has.
            hides_usage: whether to leave out the usage, which the caller has not asked for.
        """
        self.answer = Answer()
        self.failed = False
        self._mark = b'"session_id":"%s",' % session_id.encode()
        self._unfinished = choices
        self._hides_usage = hides_usage
        self._parser = EventParser()
        self._marked = False
        self._tail = b""
        self._held: list[bytes] = []

    @property
    def is_complete(self) -> bool:
        """Whether the model has finished and nothing has failed."""
        return self.answer.finish is not None and not self.failed

    def feed(self, piece: bytes) -> bytes:
        """What of the stream may be sent now that `piece` has arrived: whole events only."""
        for data in self._parser.feed(piece):
            self._read(data)
        if self._tail or not piece.endswith(b"\n\n"):
            piece, self._tail = _whole_events(self._tail + piece)
        if not self._marked and (found := _FIRST.search(piece)):
            self._marked = True
            piece = piece[: found.end()] + self._mark + piece[found.end() :]
        if self._unfinished <= 0:
            self._held.append(piece)
            return b""
        return piece

    def rest(self) -> bytes:
        """What was held back."""
        held = b"".join((*self._held, self._tail))
        if not self._hides_usage:
            return held
        events = held.split(b"\n\n")
        return b"\n\n".join(event for event in events if not is_only_usage(event))

    def _read(self, data: bytes) -> None:
        if data == _DONE:
            self._unfinished = 0
            return
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            self.failed = True
            return
        try:
            self.failed = self.failed or "error" in chunk
            self.answer.add(chunk)
            for choice in chunk.get("choices") or ():
                if choice.get("finish_reason"):
                    self._unfinished -= 1
        except (AttributeError, KeyError, TypeError):
            self.failed = True  # it is none; what it is reaches the caller all the same


def _whole_events(data: bytes) -> tuple[bytes, bytes]:
    end = max(data.rfind(b"\n\n") + 2, data.rfind(b"\r\n\r\n") + 4)
    return (data[:end], data[end:]) if end > 3 else (b"", data)
