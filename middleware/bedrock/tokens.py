"""The chunks of a stream that differ in nothing but the text that they add, read without being decoded.

A model's answer is some hundred chunks, each of which repeats an id, a model and a dozen other members for a
few letters. Once one of them was decoded, those that have the same bytes before and after their text say the
same but for it: it has no quotation mark and nothing escaped, so that it ends where it seems to.
"""

from __future__ import annotations

from typing import Any

_NAME = b'"content"'
_BEGINS = _NAME + b':"'
_TRIES = 3
"""How many chunks others are compared with, one after the other. Of some providers no two are alike."""


class Tokens:
    """What is known of the chunks of one stream."""

    __slots__ = ("_after", "_before", "_tries")

    def __init__(self) -> None:
        self._before = self._after = b""
        self._tries = _TRIES

    def text(self, data: bytes) -> bytes | None:
        """The text that a chunk adds, in JSON and without its quotation marks; None if it has to be decoded.

        Args:
            data: of an event.
        """
        before, after = self._before, self._after
        if not (before and data.startswith(before) and data.endswith(after)):
            return None
        raw = data[len(before) : -len(after)]
        try:
            said = raw.decode()
        except UnicodeDecodeError:
            return None
        is_plain = said.isprintable() and '"' not in said and "\\" not in said
        return raw if said and is_plain else None

    def learn(self, data: bytes, chunk: dict[str, Any]) -> None:
        """Remember a chunk that had to be decoded, if it does nothing but add a text.

        Args:
            data: of its event.
            chunk: what that says.
        """
        if not self._tries or b"\\" in data or data.count(_NAME) != 1 or chunk.get("usage"):
            return
        choices = chunk.get("choices") or []
        if len(choices) != 1 or choices[0].get("finish_reason"):
            return
        delta = choices[0].get("delta") or {}
        before, begins, rest = data.partition(_BEGINS)
        said, ends, after = rest.partition(b'"')
        if begins and len(delta) == 1 and delta.get("content") == said.decode():
            self._before, self._after = before + begins, ends + after
            self._tries -= 1
