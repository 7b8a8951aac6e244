"""The tokenizer of all simulated models.

A token is a run of up to 16 word characters or one other printing character, together with the
white space before it; white space at the end is one more token. Joining the tokens gives the text
back, so a stream can send one delta per token and usage can be recomputed by anyone with this
pattern. Real tokenizers differ; nothing here depends on their counts.
"""

import re

TOKEN = re.compile(r"\s*(?:\w{1,16}|[^\w\s])|\s+")

PER_MESSAGE = 3
"""Tokens a message costs besides its content, in both wires."""

PER_MEDIA = {"image": 85, "document": 250, "video": 1000, "audio": 200}
"""Flat price of an attachment in input tokens."""


def tokenize(text: str) -> list[str]:
    """Split a text into tokens; ``"".join`` of the result is the text."""
    return TOKEN.findall(text)


def count(text: str) -> int:
    """Number of tokens of a text."""
    return len(TOKEN.findall(text))
