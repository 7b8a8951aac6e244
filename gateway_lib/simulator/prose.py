"""Plain text of an exact length.

Answers need the length their profile says, and words that carry no meaning a scorer could mistake
for an answer: the vocabulary has no digits, names, colours, yes or no.
"""

from random import Random

from gateway_lib.simulator.tokens import tokenize

_OPENERS = ("In general,", "As a rule,", "For this reason,", "In practice,", "Put simply,", "Often")
_SUBJECTS = (
    "the idea", "this approach", "the usual reading", "a careful reader", "the common view",
    "the first step", "the remaining part", "a short summary", "the whole argument",
    "the underlying reason",
)  # fmt: skip
_VERBS = (
    "rests on", "follows from", "points to", "depends on", "agrees with", "builds on",
    "makes use of", "leads to",
)  # fmt: skip
_OBJECTS = (
    "a simple principle", "what is already known", "the given details", "a few plain facts",
    "the way the words are used", "an old and useful habit", "the context of the request",
    "some background knowledge", "a short chain of steps",
)  # fmt: skip
_TAILS = (
    "and holds in most cases", "as many texts explain", "although details may vary",
    "which is easy to check", "and needs little more", "when nothing else is said",
)  # fmt: skip


def sentence(random: Random) -> str:
    """One sentence that says nothing in particular."""
    words = [
        random.choice(_SUBJECTS), random.choice(_VERBS), random.choice(_OBJECTS),
        random.choice(_TAILS),
    ]  # fmt: skip
    if random.random() < 0.4:
        words.insert(0, random.choice(_OPENERS))
    text = " ".join(words)
    return text[0].upper() + text[1:] + "."


def extend(start: str, length: int, random: Random) -> str:
    """Return a text that begins with `start` and has `length` tokens, or more if `start` has."""
    tokens = tokenize(start)
    while len(tokens) < length:
        tokens += tokenize((" " if tokens else "") + sentence(random))
    if len(tokens) > max(length, len(tokenize(start))):
        tokens = [*tokens[: length - 1], "."]
    return "".join(tokens)
