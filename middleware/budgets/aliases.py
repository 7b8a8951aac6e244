"""Names that a key or its team has for models: LiteLLM calls the model behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from middleware.auth import Identity
from middleware.budgets.errors import BudgetsUnavailable
from middleware.lookup import Lookup
from middleware.settings import Settings
from middleware.upstream import Upstream

_MOST_KEYS = 50_000


class Aliases:
    """Asked of LiteLLM for callers with budgets, and remembered for as long as a key is."""

    def __init__(self, settings: Settings, upstream: Upstream) -> None:
        self._upstream = upstream
        self._key = settings.litellm_key.get_secret_value()
        self._known = Lookup[Mapping[str, str]](_MOST_KEYS, settings.key_seconds)

    async def meant(self, identity: Identity, model: str) -> str:
        """The model that a caller means by a name. Raises `UpstreamUnavailable`, `BudgetsUnavailable`."""
        known = await self._known.get(identity.key_hash, lambda: self._ask(identity.key_hash))
        return known.get(model, model)

    async def _ask(self, key_hash: str) -> Mapping[str, str]:
        status, answer = await self._upstream.ask(f"/key/info?key={key_hash}", self._key)
        if status == 404:
            return {}
        info = answer.get("info") if isinstance(answer, dict) else None
        if status != 200 or not isinstance(info, dict):
            raise BudgetsUnavailable
        teams = await self._of_team(info["team_id"]) if info.get("team_id") else {}
        return {**teams, **_texts(info.get("aliases"))}

    async def _of_team(self, team_id: str) -> Mapping[str, str]:
        status, answer = await self._upstream.ask("/team/info", self._key, {"team_id": team_id})
        if status != 200 or not isinstance(answer, dict):
            raise BudgetsUnavailable
        table = (answer.get("team_info") or {}).get("litellm_model_table") or {}
        return _texts(table.get("model_aliases") if isinstance(table, dict) else None)


def _texts(given: Any) -> dict[str, str]:
    pairs = given.items() if isinstance(given, dict) else ()
    return {name: meant for name, meant in pairs if isinstance(meant, str)}
