"""Whether a guardrail answers: it is asked about a harmless text, once a call with it has failed.

LiteLLM's error does not say whether the model or the guardrail has failed. A guardrail that is slower than
the setting allows counts as one that does not answer.
"""

from __future__ import annotations

import asyncio
from functools import partial

from middleware.errors import UpstreamUnavailable
from middleware.lookup import Lookup
from middleware.upstream import Upstream

_APPLY = "/guardrails/apply_guardrail"
_TEXT = "Good morning."
_KNOWN_SECONDS = 2.0
_MAX_NAMES = 1000
_UP, _DOWN = "up", "down"


class Health:
    """Asks guardrails by way of LiteLLM."""

    def __init__(self, upstream: Upstream, key: str, seconds: float) -> None:
        """Ask with `key`, the service's own, and wait for `seconds` at most."""
        self._upstream = upstream
        self._key = key
        self._seconds = seconds
        self._known = Lookup[str](_MAX_NAMES, _KNOWN_SECONDS)

    async def failing(self, names: frozenset[str]) -> frozenset[str]:
        """Those of the guardrails that do not answer."""
        asked = sorted(names)
        found = (self._known.get(name, partial(self._ask, name)) for name in asked)
        states = await asyncio.gather(*found)
        return frozenset(name for name, state in zip(asked, states, strict=True) if state == _DOWN)

    async def _ask(self, name: str) -> str:
        body = {"guardrail_name": name, "text": _TEXT}
        try:
            status = await self._upstream.tell(_APPLY, self._key, body, self._seconds)
        except UpstreamUnavailable:
            return _DOWN
        return _UP if status in (200, 400) else _DOWN  # 400 is a verdict, and so an answer
