"""What LiteLLM said of a call, in bytes that are only passed on: read from their beginning and their end.

Nothing is decoded: a pass-through answer may be of any size. A name within an answer's text cannot be taken
for one of these, since its quotes are escaped there.
"""

from __future__ import annotations

import re
from contextlib import suppress

from middleware.exchange import Exchange

_SIZE = 4096
_MOST = 16 * _SIZE  # what is kept until it is cut again
_USAGE = b'"usage":'
_INPUT = re.compile(rb'"(?:prompt_tokens|input_tokens)": ?(\d{1,15})\b')
_OUTPUT = re.compile(rb'"(?:completion_tokens|output_tokens)": ?(\d{1,15})\b')
_COST = re.compile(rb'"cost": ?([0-9.eE+-]{1,30})')
_TEXT = re.compile(rb' ?"([^"\\]{1,200})"')
_MODEL = (b'"model":',)
_FINISH = (b'"finish_reason":', b'"stop_reason":')


class Reading:
    """Feed it the pieces of an answer's body."""

    __slots__ = ("_first", "_pieces", "_size")

    def __init__(self) -> None:
        self._first = b""
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> None:
        """Keep what may be needed of it."""
        if not self._first:
            self._first = piece[:_SIZE]
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > _MOST:
            last = self._last()
            self._pieces, self._size = [last], len(last)

    def tell(self, exchange: Exchange) -> None:
        """Note what was found: the end counts where it differs from the beginning, as Anthropic's may."""
        last = self._last()
        self._used(self._first, exchange)
        if last != self._first:
            self._used(last, exchange)
        if exchange.trace:  # nothing else asks for these
            exchange.response_model = _text(self._first, _MODEL)
            # of a stream it is in the last event but one or two, which is null in all before
            exchange.finish = _text(last, _FINISH)

    def _last(self) -> bytes:
        return b"".join(self._pieces)[-_SIZE:]

    def _used(self, part: bytes, exchange: Exchange) -> None:
        place = part.rfind(_USAGE)
        if place < 0:
            return
        if found := _INPUT.search(part, place):
            exchange.input_tokens = int(found[1])
        if found := _OUTPUT.search(part, place):
            exchange.output_tokens = int(found[1])
        if exchange.cost is None and (found := _COST.search(part, place)):
            with suppress(ValueError):
                exchange.cost = float(found[1])


def _text(part: bytes, names: tuple[bytes, ...]) -> str:
    """The last text that has one of these names."""
    for name in names:
        place = len(part)
        while (place := part.rfind(name, 0, place)) >= 0:
            if found := _TEXT.match(part, place + len(name)):
                return found[1].decode("utf-8", "replace")
    return ""
