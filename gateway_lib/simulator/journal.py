"""What the providers received.

A gateway's promises about what it sends on (a field, a header, one retry, an end to a request the
client has left) can only be checked on the other side. Every request to a provider wire leaves an
entry in a ring buffer, with credentials reduced to a fingerprint.
"""

import hashlib
import itertools
import re
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

_SIGNED_FOR = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/,]+/\d{8}/([\w-]+/\w+)/aws4_request")
_SECRET_HEADERS = frozenset({"authorization", "x-api-key", "x-amz-security-token", "cookie"})

Outcome = Literal["running", "done", "refused", "cut", "broken", "disconnected"]
"""``cut``: connection broken off; ``broken``: a stream that ended in an error event."""


@dataclass(slots=True)
class Entry:
    """One received request; times are seconds since the epoch, None if it never happened."""

    number: int
    wire: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    model: str = ""
    operation: str = ""
    body: Any = None
    stream: bool = False
    received_at: float = field(default_factory=time.time)
    first_token_at: float | None = None
    last_token_at: float | None = None
    finished_at: float | None = None
    status: int | None = None
    outcome: Outcome = "running"
    disconnected: bool = False
    disconnected_at: float | None = None
    tokens_sent: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    response_id: str = ""


@dataclass(slots=True)
class Totals:
    """Sums over all requests of a model since the start or the last reset."""

    requests: int = 0
    done: int = 0
    refused: int = 0
    cut: int = 0
    broken: int = 0
    disconnected: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0


class Journal:
    """The ring buffer, the requests in flight and the totals."""

    def __init__(self, capacity: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._numbers = itertools.count(1)
        self.in_flight: Counter[str] = Counter()
        self.totals: dict[str, Totals] = {}

    def receive(
        self, wire: str, method: str, path: str, query: str, headers: Iterable[tuple[str, str]]
    ) -> Entry:
        """Record the arrival of a request."""
        safe = {name: redacted(name, value) for name, value in headers}
        entry = Entry(next(self._numbers), wire, method, path, query, safe)
        self._entries.append(entry)
        return entry

    def begin(self, entry: Entry) -> None:
        """Count a request of a known model as in flight."""
        self.in_flight[entry.model] += 1

    def end(self, entry: Entry, outcome: Outcome, cost: float) -> None:
        """Close an entry, once, and add it to its model's totals; only finished answers cost."""
        if entry.outcome != "running":
            return
        entry.outcome = outcome
        entry.finished_at = time.time()
        if outcome == "disconnected":
            entry.disconnected = True
            entry.disconnected_at = entry.finished_at
        self.in_flight[entry.model] -= 1
        if self.in_flight[entry.model] <= 0:
            del self.in_flight[entry.model]
        totals = self.totals.setdefault(entry.model, Totals())
        totals.requests += 1
        setattr(totals, outcome, getattr(totals, outcome) + 1)
        if outcome == "done":
            totals.input_tokens += entry.input_tokens
            totals.output_tokens += entry.output_tokens
            totals.cost += cost

    def listing(self, limit: int | None = None, model: str | None = None) -> list[dict[str, Any]]:
        """The newest entries, oldest of them first."""
        found = [entry for entry in self._entries if model is None or entry.model == model]
        return [asdict(entry) for entry in (found if limit is None else found[-limit:])]

    def clear(self) -> None:
        """Forget entries and totals; requests in flight stay counted."""
        self._entries.clear()
        self.totals.clear()


def redacted(name: str, value: str) -> str:
    """Return a header value fit for the journal: secrets become scheme and fingerprint.

    Of an AWS signature the region and service stay, which are no secret: `... for us-east-1/bedrock`.
    """
    if name.lower() not in _SECRET_HEADERS:
        return value
    scheme, _, secret = value.rpartition(" ") if value.startswith("Bearer ") else ("", "", value)
    fingerprint = hashlib.sha256(secret.encode()).hexdigest()[:8]
    if not scheme and " " in value:
        scheme = value.split(" ", 1)[0]
    scope = _SIGNED_FOR.match(value)
    return f"{scheme} sha256:{fingerprint}{f' for {scope[1]}' if scope else ''}".strip()
