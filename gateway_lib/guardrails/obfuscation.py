"""Ways in which a text is disguised, so that a filter that reads letters does not find its words.

Each keeps what a person, or a capable model, can still read. What is transformed in pieces gives the
transformed pieces, so that a secret in a text is found again in the disguised text.
"""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable
from typing import Literal, get_args

Obfuscation = Literal[
    "none", "case", "spacing", "homoglyph", "zero_width", "leet", "fullwidth", "rot13", "base64"
]
OBFUSCATIONS: tuple[Obfuscation, ...] = get_args(Obfuscation)
WHOLE: frozenset[Obfuscation] = frozenset(("base64",))
"""Those that encode a text as a whole: none of its parts can be found in the outcome."""

_LOOKALIKES = str.maketrans("aceiopsxyABCEHIKMOPTX", "асеіорѕхуАВСЕНІКМОРТХ")  # noqa: RUF001
_LEET = str.maketrans("aeiostAEIOST", "431057431057")


def _alternate(text: str) -> str:
    return "".join(c.upper() if i % 2 else c.lower() for i, c in enumerate(text))


def _spaced(text: str) -> str:
    return "  ".join(" ".join(word) for word in text.split(" "))


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


_WAYS: dict[Obfuscation, Callable[[str], str]] = {
    "none": lambda text: text,
    "case": _alternate,
    "spacing": _spaced,
    "homoglyph": lambda text: text.translate(_LOOKALIKES),
    "zero_width": lambda text: "\u200b".join(text),
    "leet": lambda text: text.translate(_LEET),
    "fullwidth": _wide,
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
}


def obfuscate(text: str, way: Obfuscation) -> str:
    """The text in a disguise."""
    return _WAYS[way](text)
