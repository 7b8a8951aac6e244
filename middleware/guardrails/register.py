"""Which guardrails LiteLLM has: asked for when a call names one, and known for seconds.

LiteLLM lets a call pass whose guardrail it does not have, so the names are compared with its own list. A
name that is not on it is looked for in a new list before it is refused, so that a guardrail can be named
as soon as it was made; one that was deleted is known for `KNOWN_SECONDS` at most.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from middleware.guardrails.errors import GuardrailsUnknown
from middleware.lookup import Lookup
from middleware.upstream import Upstream

KNOWN_SECONDS = 3.0
_NEW_SECONDS = 0.5
_LIST = "/v2/guardrails/list"


@dataclass(frozen=True, slots=True)
class Listed:
    """LiteLLM's guardrails at one moment."""

    names: frozenset[str]
    always: frozenset[str]
    """Those that every call passes (`default_on`)."""
    asked: float
    """When LiteLLM was asked, on the monotonic clock."""


class Register:
    """Asks LiteLLM for its guardrails."""

    def __init__(self, upstream: Upstream, key: str) -> None:
        """Ask with `key`, the service's own: what a caller may see is not the question."""
        self._upstream = upstream
        self._key = key
        self._known = Lookup[Listed](1, KNOWN_SECONDS)
        self._new = Lookup[Listed](1, _NEW_SECONDS)

    async def listed(self, named: Iterable[str] = ()) -> Listed:
        """The guardrails; newly asked for where one of those named is not among them.

        Raises:
            GuardrailsUnknown: LiteLLM does not say.
        """
        known = await self._known.get(_LIST, self.renewed)
        if known.names.issuperset(named):
            return known
        return await self.renewed()

    async def missing(self, named: Collection[str]) -> list[str]:
        """Those of the names that no guardrail has."""
        if not named:
            return []
        known = await self.listed(named)
        return [name for name in named if name not in known.names]

    async def renewed(self) -> Listed:
        """The guardrails as they are now; asked for twice a second at most. Raises `GuardrailsUnknown`."""
        arrived = time.monotonic()
        found = await self._new.get(_LIST, self._ask)
        if found.asked < arrived:  # and so it may lack what was made since
            await asyncio.sleep(_NEW_SECONDS)
            found = await self._new.get(_LIST, self._ask)
        self._known.put(_LIST, found)
        return found

    async def _ask(self) -> Listed:
        asked = time.monotonic()
        answer = await self._upstream.fetch(_LIST, self._key)
        entries = answer.get("guardrails") if isinstance(answer, dict) else None
        if not isinstance(entries, list):
            raise GuardrailsUnknown
        names = frozenset(_name(entry) for entry in entries)
        always = frozenset(_name(entry) for entry in entries if _is_always_on(entry))
        return Listed(names, always, asked)


def _name(entry: Any) -> str:
    return str(entry.get("guardrail_name")) if isinstance(entry, dict) else ""


def _is_always_on(entry: Any) -> bool:
    params = entry.get("litellm_params") if isinstance(entry, dict) else None
    return isinstance(params, dict) and params.get("default_on") is True
