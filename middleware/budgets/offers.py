"""What LiteLLM serves, as budgets see it: which models a name may mean, and what they cost.

LiteLLM takes more names for a model than the one it lists: aliases, the ids of deployments, what deployments
point to, and names that match a wildcard. All of them count against the budget of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from middleware.budgets.price import Price
from middleware.model_ids import ModelIds

Groups = frozenset[str]


@dataclass(frozen=True, slots=True)
class Offers:
    """One answer of LiteLLM's."""

    prices: Mapping[str, Price] = field(default_factory=dict)
    """By model, its fallbacks included."""
    names: Mapping[str, Groups] = field(default_factory=dict)
    """Every name that is no model's own, without case, and the models that it may mean."""
    ids: ModelIds = field(default_factory=ModelIds)

    @classmethod
    def of(
        cls, models: Any, aliases: Mapping[str, str], reached: Mapping[str, set[str]], ids: ModelIds
    ) -> Offers:
        """The offers in LiteLLM's list of deployments.

        Args:
            models: the list.
            aliases: the model that each alias stands for.
            reached: the models that a call of each may end up with.
            ids: what Bedrock calls them.
        """
        prices: dict[str, list[Price]] = {}
        names: dict[str, set[str]] = {}
        for entry in models.get("data") or ():
            group, info = str(entry["model_name"]), entry.get("model_info") or {}
            prices.setdefault(group, []).append(Price.of(info))
            for name in (group, info.get("id"), entry["litellm_params"].get("model")):
                if isinstance(name, str):
                    names.setdefault(_plain(name), set()).add(group)
        for alias, group in aliases.items():
            names.setdefault(_plain(alias), set()).add(group)
        highest = {
            group: Price.highest(
                price
                for other in reached.get(group, {group})
                for price in prices.get(other, [Price()])
            )
            for group in prices
        }
        return cls(highest, {name: frozenset(found) for name, found in names.items()}, ids)

    def groups(self, name: str) -> Groups:
        """The models that a call by this name may be one of; the name alone where LiteLLM knows none."""
        found = frozenset(group for part in self._parts(name) for group in part)
        return found or frozenset((_plain(name),))

    def price(self, name: str) -> Price:
        """The highest price of all that a call by this name may be."""
        return Price.highest(self.prices.get(group, Price()) for group in self.groups(name))

    def _parts(self, name: str) -> Iterator[Groups]:
        plain = _plain(name)
        if plain in self.names:
            yield self.names[plain]
        if meant := self.ids.name(name.strip()):
            yield frozenset((meant,))
        if plain.startswith("arn:"):
            yield self.names.get(plain.rpartition("/")[2], frozenset())
        elif plain not in self.names and "/" in plain:
            # by a wildcard it may be served under its provider's name as well
            yield self.groups(plain.partition("/")[2])


def _plain(name: str) -> str:
    return name.strip().casefold()
