"""Counters of the service, in Prometheus' text format: `GET /metricz`, for administrators.

Counted in each process since its start, as Prometheus expects it; a replica is scraped by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from middleware.auth import Keys
from middleware.errors import Forbidden

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
router = APIRouter()


class Count:
    """A counter with one value for each value of a label."""

    def __init__(self, name: str, label: str, text: str) -> None:
        self.name = name
        self._label = label
        self._text = text
        self._counts: Counter[str] = Counter()

    def add(self, values: Iterable[str]) -> None:
        """Count one for each value."""
        self._counts.update(values)

    def lines(self) -> Iterator[str]:
        """The counter in Prometheus' text format."""
        yield f"# HELP {self.name} {self._text}"
        yield f"# TYPE {self.name} counter"
        for value, number in sorted(self._counts.items()):
            escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
            yield f'{self.name}{{{self._label}="{escaped}"}} {number}'


FAILED_OPEN = Count(
    "middleware_guardrail_failed_open_total",
    "guardrail",
    "Calls that were served without a guardrail that they named, because it did not answer.",
)
UNAVAILABLE = Count(
    "middleware_guardrail_unavailable_total",
    "guardrail",
    "Calls that were not served because a guardrail did not answer.",
)
_ALL = (FAILED_OPEN, UNAVAILABLE)


@router.get("/metricz")
async def metrics(request: Request) -> PlainTextResponse:
    """All counters; raises `Forbidden` for keys that are no administrator's."""
    keys: Keys = request.app.state.keys
    if not await keys.is_admin(await keys.identify(request.scope)):
        raise Forbidden
    lines = [line for count in _ALL for line in count.lines()]
    return PlainTextResponse("\n".join(lines) + "\n", media_type=CONTENT_TYPE)
