"""The models that the gateway serves, and how they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway_lib.clients import AdminClient


@dataclass(frozen=True)
class Catalogue:
    """The gateway's models with their price per token, the cheapest first; embeddings last."""

    models: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, admin: AdminClient) -> Catalogue:
        """Ask for the models that are served, and how they are called."""
        rows = admin.get("/model_group/info").get("data") or []

        def price(row: Mapping[str, Any]) -> tuple[bool, float]:
            costs = (row.get("input_cost_per_token"), row.get("output_cost_per_token"))
            return row.get("mode") == "embedding", sum(float(cost or 0) for cost in costs)

        modes = {
            str(r["model_group"]): str(r.get("mode") or "chat") for r in sorted(rows, key=price)
        }
        return cls({name: mode for name, mode in modes.items() if mode in ("chat", "embedding")})

    def allowed(self, *lists: Sequence[str]) -> list[str]:
        """Models that every allow-list has; an empty list allows all."""
        return [m for m in self.models if all(not names or m in names for names in lists)]
