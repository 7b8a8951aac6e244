"""What a policy sees of a text that somebody has disguised.

A policy sees through some disguises and is blind to the others: that is how leaks are planted. Each
disguise that it sees through adds a reading of the text, and the rules look at every reading.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Literal

Disguise = Literal["case", "spacing", "homoglyph", "base64", "leetspeak", "zero_width", "accents"]

_CONFUSABLE = str.maketrans(
    "аеорсухіјѕһԁɡԛԝвкмнтАЕОРСУХІЈЅВКМНТαονρτυικηΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijshdgqwbkmhtAEOPCYXIJSBKMHTaovptuiknABEZHIKMNOPTYX",
)
_LEET = str.maketrans("013457@$!", "oieastasi")
_ZERO_WIDTH = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_SPACED = re.compile(r"(?<!\w)\w(?:[\s._*-]\w(?!\w))+")
_ENCODED = re.compile(r"[A-Za-z0-9+/]{12,}={0,2}")


def readings(text: str, sees_through: Collection[Disguise]) -> tuple[str, ...]:
    """The text, and what it reads as without the disguises that are seen through."""
    plain = text
    if "zero_width" in sees_through:
        plain = _ZERO_WIDTH.sub("", plain)
    if "homoglyph" in sees_through:
        plain = unicodedata.normalize("NFKC", plain).translate(_CONFUSABLE)
    if "accents" in sees_through:
        split = unicodedata.normalize("NFD", plain)
        plain = "".join(char for char in split if not unicodedata.combining(char))
    if "spacing" in sees_through:
        plain = _SPACED.sub(lambda found: re.sub(r"[\s._*-]", "", found[0]), plain)
    found = [text, plain]
    if "leetspeak" in sees_through:
        found.append(plain.translate(_LEET))
    if "base64" in sees_through:
        found += _decoded(text)
    return tuple(dict.fromkeys(found))


def _decoded(text: str) -> Iterator[str]:
    for word in _ENCODED.findall(text):
        try:
            said = base64.b64decode(word, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        if said.isprintable():
            yield said
