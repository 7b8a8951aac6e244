"""What the providers remember between requests, bounded.

Two memories make repeated requests behave: how often a request was seen, which numbers the random
draws, and which prompt prefixes were read before, which provider-side prompt caching depends on.
"""

import hashlib
from collections import OrderedDict
from random import Random

from gateway_lib.simulator.conversation import Segment

CAPACITY = 100_000


def generator(*parts: object) -> Random:
    """Return a random generator that depends on the parts and on nothing else."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return Random(int.from_bytes(digest))  # noqa: S311 - simulation, not cryptography


class Occurrences:
    """Counts how often a key was seen; the least recently seen are forgotten first."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._counts: OrderedDict[tuple[str, ...], int] = OrderedDict()

    def next(self, *key: str) -> int:
        """Return 0 for the first occurrence of the key, 1 for the second, and so on."""
        number = self._counts.pop(key, 0)
        self._counts[key] = number + 1
        if len(self._counts) > self._capacity:
            self._counts.popitem(last=False)
        return number


class PromptCache:
    """Prompt prefixes by hash, per model."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def read(
        self, model: str, parts: tuple[Segment, ...], *, minimum: int, automatic: bool
    ) -> tuple[int, int]:
        """Return the tokens read from the cache and those written to it, and remember the prompt.

        Args:
            model: Model id; caches are not shared.
            parts: The prompt in order.
            minimum: Shortest prefix that is cached, in tokens.
            automatic: True caches every prefix that ends with a segment and reports no writes
                (OpenAI); False only those that end at a cache point (Bedrock, Anthropic).
        """
        running = hashlib.blake2b(model.encode(), digest_size=16)
        tokens = longest_hit = longest_marked = 0
        for part in parts:
            running.update(b"\0" + part.text.encode())
            tokens += part.tokens
            if tokens < minimum or not (automatic or part.cache_point):
                continue
            key = running.digest()
            if key in self._seen:
                longest_hit = tokens
            longest_marked = tokens
            self._seen[key] = None
            self._seen.move_to_end(key)
            if len(self._seen) > self._capacity:
                self._seen.popitem(last=False)
        return longest_hit, 0 if automatic else longest_marked - longest_hit
